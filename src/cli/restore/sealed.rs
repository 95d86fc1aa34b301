//! A backup with the keys in it: they go where keys are kept, but in the place of no others.

use std::fs::File;

use anyhow::Context as _;

use super::{RestoreArgs, copying, verify};
use crate::cli::{output, password};
use crate::core::keys::Pepper;
use crate::ops::data_dir::{DataDir, Lock, Rewritten};
use crate::ops::sealed_backup;
use crate::store::Verified;

/// Decrypts the backup into the directory under another name, and has the keys in their place once the database was held
/// against them.
pub(super) fn bring(
    data_dir: &DataDir,
    held: &Lock,
    source: File,
    arguments: &RestoreArgs,
) -> anyhow::Result<Verified> {
    let passphrase = password::passphrase(arguments.passphrase_stdin)?;
    let cant_restore = || format!("can't restore {}", arguments.file.display());
    let (path, mut staged) = data_dir.begin_restoring(held)?;
    let text = sealed_backup::open(source, &passphrase, &mut staged).with_context(cant_restore)?;
    staged.sync_all().with_context(|| copying(&path))?;
    let pepper =
        Pepper::parse(&text).context("its pepper.key isn't a pepper file").with_context(cant_restore)?;
    let verified = verify(&path, &pepper, arguments)?;
    let place = data_dir.pepper_file();
    match data_dir.take_in_pepper(held, &pepper)? {
        None => {}
        Some(Rewritten::Done) => output::line(&format!("{} is the backup's", place.display()))?,
        Some(Rewritten::ByHand(lines)) => {
            output::line(&lines)?;
            anyhow::bail!(
                "jeton doesn't write {}: put the lines above there and restore again",
                place.display()
            );
        }
    }
    Ok(verified)
}
