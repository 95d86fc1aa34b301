//! Files by their paths: directories are walked along, links in them aren't followed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::place::Place;
use super::sweep::{Sink, Sweep};

/// Looks through what `path` names: a file, whatever kind, or all that is below a directory. Says whether a git
/// repository was passed over.
pub fn walk(sweep: &mut Sweep, path: &Path, sink: &mut Sink<'_>) -> bool {
    let mut passed_over = false;
    // A link that is named is meant.
    let meant = fs::metadata(path);
    let mut waiting: Vec<(PathBuf, bool)> = Vec::new();
    match meant {
        Ok(meta) => waiting.push((path.to_owned(), meta.is_dir())),
        Err(error) => sweep.trouble(&place(path), error),
    }
    while let Some((path, is_dir)) = waiting.pop() {
        if !is_dir {
            if let Err(error) =
                File::open(&path).and_then(|mut file| sweep.file(&place(&path), &mut file, sink))
            {
                sweep.trouble(&place(&path), error);
            }
            continue;
        }
        if path.file_name().is_some_and(|name| name == ".git") {
            passed_over = true;
            continue;
        }
        match below(&path) {
            // The last is taken first.
            Ok(mut found) => {
                found.sort_unstable_by(|one, other| other.cmp(one));
                waiting.append(&mut found);
            }
            Err(error) => sweep.trouble(&place(&path), error),
        }
    }
    passed_over
}

fn place(path: &Path) -> Place {
    Place::file(path.to_string_lossy())
}

/// The files and directories in a directory. Links, devices, pipes and sockets are left alone.
fn below(directory: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() || kind.is_file() {
            found.push((entry.path(), kind.is_dir()));
        }
    }
    Ok(found)
}
