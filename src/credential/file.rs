//! How a credential's file is read.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{ConfigError, FileFlaw};

/// Returns what stands in `path`, `limit` bytes at the most. The memory is wiped afterwards.
///
/// Blocks. What is read is small and local; a pipe or a device, which could block for ever, is
/// refused before it is opened.
pub(super) fn read(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, FileFlaw> {
    let kind = fs::metadata(path).map_err(flaw)?.file_type();
    if kind.is_dir() {
        return Err(FileFlaw::Directory);
    }
    if !kind.is_file() {
        return Err(FileFlaw::NotAFile);
    }

    // As large as it can get, so that no growth leaves a copy of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    let file = File::open(path).map_err(flaw)?;
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(flaw)?;
    match bytes.len() {
        0 => Err(FileFlaw::Empty),
        length if length > limit => Err(FileFlaw::TooLarge),
        _ => Ok(bytes),
    }
}

/// Returns the error that names `path`, unless the text is likely to be a secret that was put where
/// its path belongs.
pub(super) fn unusable(path: &Path, flaw: FileFlaw) -> ConfigError {
    let is_there = !matches!(flaw, FileFlaw::Missing | FileFlaw::Unreadable);
    let file = match path.to_str() {
        Some(text) if !is_there && !looks_like_a_path(text) => {
            "the credential's file (by a name that is not shown, for it may be the secret itself)"
                .into()
        }
        _ => path.display().to_string(),
    };
    ConfigError::CredentialFile { file, flaw }
}

fn looks_like_a_path(text: &str) -> bool {
    let has_extension = || {
        let extension = Path::new(text).extension().unwrap_or_default();
        (1..=4).contains(&extension.len())
    };
    !text.contains(char::is_control)
        && text.len() <= 1_024
        && (Path::new(text).is_absolute() || text.starts_with('.') || has_extension())
}

#[allow(clippy::needless_pass_by_value)] // so that `map_err` takes it by its name
fn flaw(error: std::io::Error) -> FileFlaw {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileFlaw::Missing,
        _ => FileFlaw::Unreadable,
    }
}
