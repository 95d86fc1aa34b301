//! A directory's bytes and modes, to say that nothing changed or that nothing is readable by others.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// Every entry under a directory by its path: mode, owner, and the digest of a file's bytes or where a link goes.
pub type Picture = BTreeMap<PathBuf, (u32, u32, Vec<u8>)>;

/// Takes the picture of `directory` and all below it.
pub fn picture(directory: &Path) -> Picture {
    let mut picture = Picture::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(path) = waiting.pop() {
        let meta = fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let content = if meta.is_dir() {
            waiting.extend(children(&path));
            Vec::new()
        } else if meta.is_symlink() {
            fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else if meta.file_type().is_fifo() || meta.file_type().is_socket() {
            Vec::new()
        } else {
            Sha256::digest(fs::read(&path).unwrap()).to_vec()
        };
        picture.insert(path, (meta.mode(), meta.uid(), content));
    }
    picture
}

/// The paths directly in `directory`.
pub fn children(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The permission bits of `path` itself.
pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// Sets the permission bits of `path`.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Copies a directory of plain files: what an operator's `cp -r` on a stopped server does.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for path in children(from) {
        let name = path.file_name().expect("an entry has a name");
        if path.symlink_metadata()?.is_file() {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
