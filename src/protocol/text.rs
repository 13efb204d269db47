//! Text of a server, made safe to print.

/// Returns `text` without what could hurt a terminal or a log, at most [`LIMIT`] bytes of it, and
/// without the texts in `secrets`, which a server may have echoed.
pub(crate) fn printable(text: &str, secrets: &[&str]) -> Box<str> {
    let text = secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| {
            text.replace(secret, "[redacted]")
        });
    // What is left of a secret that was cut or escaped takes the whole text with it.
    let is_telling = |secret: &&&str| {
        secret
            .get(..TELLING)
            .is_some_and(|part| text.contains(part))
    };
    if secrets.iter().any(|secret| is_telling(&secret)) {
        return "[redacted]".into();
    }

    let mut printed = String::with_capacity(text.len().min(LIMIT));
    for c in text.chars() {
        let is_bidi = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let c = match c {
            '\r' | '\n' | '\t' => ' ',
            c if c.is_control() || is_bidi => '\u{fffd}',
            c => c,
        };
        if printed.len() + c.len_utf8() > LIMIT {
            break;
        }
        printed.push(c);
    }
    printed.trim().into()
}

const LIMIT: usize = 1_000;
/// So much of a secret tells which one it is.
const TELLING: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_tamed() {
        let text = format!("\x1b[31mred\r\nline\u{202e}{}", "é".repeat(5_000));
        let printed = printable(&text, &[]);
        assert!(
            printed.starts_with("\u{fffd}[31mred  line\u{fffd}é"),
            "{printed}"
        );
        assert!(printed.len() <= LIMIT);
    }

    #[test]
    fn an_echoed_secret_is_taken_out() {
        assert_eq!(
            &*printable("you sent s3cret, no", &["s3cret", ""]),
            "you sent [redacted], no"
        );
        let cut = printable("you sent 0123456789ab&#x7e;…", &["0123456789ab~cdef"]);
        assert_eq!(&*cut, "[redacted]");
    }
}
