//! The house plan, held against the code: lower modules never import higher ones.

#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests are tests

use std::fs;
use std::path::{Path, PathBuf};

/// Each module with its level. A module may import what stands on a lower level, and itself.
///
/// `cloud` and `api` are one topic in two files: a custom cloud says where its APIs are.
#[rustfmt::skip]
const LEVELS: &[(&str, u32)] = &[
    ("diagnosis",  0),
    ("error",      1),
    ("secret",     2), ("id", 2), ("scope", 2), ("clock", 2),
    ("entropy",    3), ("cloud", 3), ("api", 3), ("key", 3),
    ("token",      4),
    ("request",    5),
    ("protocol",   6),
    ("transport",  7), ("credential", 7),
    ("cache",      8), ("flow", 8),
    ("provider",   9),
    ("builder",    10), ("client", 10),
    ("testing",    11),
];

#[test]
fn lower_modules_never_import_higher_ones() {
    let mut wrong = Vec::new();
    for file in files_below(Path::new("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let Some(module) = module_of(&file) else {
            continue;
        };
        for import in imports(&text) {
            let is_allowed = import == module
                || level(&import) < level(&module)
                || [module.as_str(), import.as_str()]
                    .iter()
                    .all(|name| ["api", "cloud"].contains(name));
            if !is_allowed {
                wrong.push(format!("{} imports {import}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_check_itself_sees_imports() {
    let text = "use crate::error::Error;\nuse crate::{id, api::Api};\nfn f() { crate::client::x() }\n//! [`crate::flow`]";
    assert_eq!(imports(text), ["error", "id", "api", "client"]);
}

/// The modules that a file names, in code. What its doc comments link to is not an import.
fn imports(text: &str) -> Vec<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(group) => {
                let group = group.split('}').next().unwrap_or_default();
                let names = group.split(',').map(|name| first_word(name.trim()));
                found.extend(names.filter(|name| is_module(name)));
            }
            None => found.extend(Some(first_word(after)).filter(|name| is_module(name))),
        }
    }
    found
}

fn first_word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Types that the facade re-exports are named by their own module's users only in `crate::Type`.
fn is_module(name: &str) -> bool {
    LEVELS.iter().any(|(known, _)| *known == name)
}

fn level(module: &str) -> u32 {
    let known = LEVELS.iter().find(|(name, _)| *name == module);
    known
        .unwrap_or_else(|| panic!("src/{module} has no level; give it one here"))
        .1
}

fn module_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix("src").unwrap();
    let first = inside
        .components()
        .next()?
        .as_os_str()
        .to_str()?
        .trim_end_matches(".rs");
    (first != "lib").then(|| first.to_owned())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
