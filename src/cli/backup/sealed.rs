//! A backup with the keys in it. They are read where they lie, since no server sends them, and the database is on no disk
//! under any name but in the finished file.

use std::io::{self, Seek as _};
use std::path::Path;

use anyhow::Context as _;

use super::{BackupArgs, Sum, Tally, begin, cant_write, fetch};
use crate::cli::connect::with_client;
use crate::cli::failure::Usage;
use crate::cli::password;
use crate::core::keys::{Keyring, Pepper};
use crate::core::time::Clock as _;
use crate::ops::clock::Clock;
use crate::ops::config::Config;
use crate::ops::data_dir::{DATABASE, DataDir, DataDirError, for_command};
use crate::ops::partial::{Partial, unnamed};
use crate::ops::sealed_backup::{self, Contents};
use crate::store::{self, Unfit};

pub(super) fn make(arguments: &BackupArgs, config: &Config, data_dir_flag: bool) -> anyhow::Result<Sum> {
    let BackupArgs { client, file, .. } = arguments;
    if client.server(data_dir_flag)?.is_some() {
        let text = "--with-pepper takes the pepper from the data directory, since no server sends it: run it there, with \
                    --data-dir and no --url";
        return Err(Usage(text.to_owned()).into());
    }
    let data_dir = DataDir::with_pepper(&for_command(config.data_dir.clone())?, config.pepper_place())?;
    let partial = begin(arguments)?;
    let passphrase = password::new_passphrase(arguments.passphrase_stdin)?;
    let mut copy = Tally::new(unnamed(file).with_context(|| cant_write(file))?);
    let pepper = with_client(client, config, data_dir_flag, async |api| {
        // The one that the server has, or was made just now; it can't be retired while this goes on.
        let pepper =
            data_dir.read_pepper()?.ok_or_else(|| DataDirError::PepperAbsent(data_dir.pepper_file()))?;
        fetch(api, &mut copy, file).await?;
        check(&data_dir, &pepper)?;
        Ok(pepper)
    })?;
    let database = copy.sum();
    let mut copy = copy.into_inner();
    copy.rewind().with_context(|| cant_write(file))?;
    let text = pepper.to_file_text();
    let made_at = Clock::system().now();
    let contents = Contents { pepper: &text, database: &mut copy, size: database.bytes, made_at };
    let mut sealed = Tally::new(partial);
    sealed_backup::seal(&mut sealed, &passphrase, contents).with_context(|| cant_write(file))?;
    let made = sealed.sum();
    let mut partial = sealed.into_inner();
    let holds = |partial: &mut Partial| {
        partial.file().rewind().with_context(|| cant_read(file))?;
        let mut back = Tally::new(io::sink());
        let pepper =
            sealed_backup::open(partial.file(), &passphrase, &mut back).with_context(|| cant_read(file))?;
        anyhow::Ok(*pepper == *text && back.sum() == database)
    };
    anyhow::ensure!(holds(&mut partial)?, "{} doesn't hold what was put in: make it again", file.display());
    partial.finish().with_context(|| cant_write(file))?;
    Ok(made)
}

fn cant_read(file: &Path) -> String {
    format!("can't read {} back", file.display())
}

/// A server may have been started with another file of keys than this command.
fn check(data_dir: &DataDir, pepper: &Pepper) -> anyhow::Result<()> {
    match store::check_keys(&data_dir.file(DATABASE), &Keyring::new(pepper)) {
        Err(Unfit::OtherPepper | Unfit::LacksPepper(_)) => anyhow::bail!(
            "{} isn't the pepper that the database is used with: name that with --pepper-file",
            data_dir.pepper_file().display()
        ),
        checked => checked.context("can't hold the pepper against the database"),
    }
}
