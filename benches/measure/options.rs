//! What the command line asks for.

/// What the command line asks for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Few and short rounds: whether it runs, not how fast.
    pub(crate) quick: bool,
    /// A goal that is missed makes the process fail.
    pub(crate) check: bool,
    part: Option<String>,
}

impl Options {
    /// Reads the command line. What it does not know it ignores: Cargo adds words of its own.
    ///
    /// A build without optimisations, as `cargo test --all-targets` makes, is always quick.
    pub(crate) fn from_args() -> Self {
        let mut options = Self {
            quick: cfg!(debug_assertions),
            ..Self::default()
        };
        for word in std::env::args().skip(1) {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--check" => options.check = true,
                _ if word.starts_with('-') => {}
                _ => options.part = Some(word),
            }
        }
        options
    }

    /// Returns `true` when the part is to be measured.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.part
            .as_deref()
            .is_none_or(|wanted| part.contains(wanted))
    }
}
