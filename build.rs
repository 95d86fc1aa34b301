//! Makes small what the binary carries and hardly ever shows: each API's `openapi.json`, compressed, by the name of its
//! folder.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::ZlibEncoder};

fn main() -> io::Result<()> {
    let into = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    compress_below(Path::new("src/http"), &into)
}

fn compress_below(folder: &Path, into: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            compress_below(&path, into)?;
        } else if path.file_name().is_some_and(|name| name == "openapi.json") {
            println!("cargo::rerun-if-changed={}", path.display());
            let name = folder.file_name().expect("a folder below src/http");
            let file = fs::File::create(into.join(name).with_extension("json.z"))?;
            let mut encoder = ZlibEncoder::new(file, Compression::best());
            io::copy(&mut fs::File::open(path)?, &mut encoder)?;
            encoder.finish()?;
        }
    }
    Ok(())
}
