//! A backup with the keys in it, encrypted to a passphrase in the age format (<https://age-encryption.org/v1>): `age -d`
//! opens one without jeton.

mod archive;

use std::io::{self, BufRead as _, BufReader, BufWriter, Read, Seek, Write};
use std::iter;

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::core::time::Instant;

/// What a file of this format begins with.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// A passphrase's header is far shorter.
const HEAD: usize = 4 * 1024;
/// What its end begins with.
const HEAD_END: &[u8] = b"\n--- ";

/// scrypt's cost, as a power of two: about a second and 256 MiB for each guess, as `age -p` has it.
const WORK: u8 = 18;
/// The most that a file may cost: 1 GiB.
const MOST_WORK: u8 = 20;

/// The fewest characters of a passphrase: whoever has the file can guess for as long as they like.
pub const SHORTEST: usize = 12;

/// What is sealed.
pub struct Contents<'a> {
    /// The pepper file's text.
    pub pepper: &'a str,
    /// The database, from its first byte on.
    pub database: &'a mut dyn Read,
    /// How many bytes that are.
    pub size: u64,
    /// When it was made.
    pub made_at: Instant,
}

/// Why a file isn't opened. Each is half a sentence about the file.
#[derive(Debug, Error)]
pub enum SealedError {
    /// Another passphrase.
    #[error("the passphrase is wrong, or the file's first lines were altered")]
    Passphrase,
    /// Not what was written once.
    #[error("it was altered or cut short: take another backup")]
    Altered,
    /// A file that costs more than is spent on one.
    #[error(
        "trying a passphrase on it costs 2^{0}, and no more than 2^{MOST_WORK} is spent: jeton didn't make it"
    )]
    Work(u8),
    /// Opened by a key.
    #[error("it is encrypted to a key: `jeton backup --with-pepper` encrypts to a passphrase")]
    ToKey,
    /// It opens, and isn't one of jeton's backups.
    #[error("`jeton backup --with-pepper` didn't make it: {0}")]
    Foreign(&'static str),
    /// The file can't be read.
    #[error("can't read it: {0}")]
    Read(io::Error),
    /// What is in it can't be written.
    #[error("can't write what is in it: {0}")]
    Write(io::Error),
}

impl From<io::Error> for SealedError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // The cipher's word for bytes that aren't what was written.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Altered,
            _ => Self::Read(error),
        }
    }
}

impl From<DecryptError> for SealedError {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::Io(error) => error.into(),
            DecryptError::ExcessiveWork { required, .. } => Self::Work(required),
            DecryptError::DecryptionFailed
            | DecryptError::KeyDecryptionFailed
            | DecryptError::NoMatchingKeys => Self::Passphrase,
            _ => Self::Altered,
        }
    }
}

/// Whether a file is encrypted. It is at its beginning afterwards.
pub fn is_sealed(mut file: impl Read + Seek) -> io::Result<bool> {
    let mut head = Vec::with_capacity(MAGIC.len());
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(head == MAGIC)
}

/// Writes `contents`, encrypted.
pub fn seal(to: impl Write, passphrase: &str, mut contents: Contents<'_>) -> io::Result<()> {
    let mut recipient = scrypt::Recipient::new(secret(passphrase));
    recipient.set_work_factor(WORK);
    let encryptor = Encryptor::with_recipients(iter::once(&recipient as _))
        .expect("one passphrase alone is what a file can be encrypted to");
    let mut sealed = encryptor.wrap_output(BufWriter::new(to))?;
    archive::write(&mut sealed, &mut contents)?;
    sealed.finish()?.flush()
}

/// Gives the pepper file's text and writes the database to `database`: whatever came there is good only where this
/// succeeds.
pub fn open(
    sealed: impl Read,
    passphrase: &str,
    database: &mut impl Write,
) -> Result<Zeroizing<String>, SealedError> {
    let mut sealed = BufReader::with_capacity(HEAD, sealed);
    // A head without an end would be read for as long as the file is.
    if !sealed.fill_buf()?.windows(HEAD_END.len()).any(|window| window == HEAD_END) {
        return Err(SealedError::Altered);
    }
    let decryptor = Decryptor::new_buffered(sealed)?;
    if !decryptor.is_scrypt() {
        return Err(SealedError::ToKey);
    }
    let mut identity = scrypt::Identity::new(secret(passphrase));
    identity.set_max_work_factor(MOST_WORK);
    archive::read(decryptor.decrypt(iter::once(&identity as _))?, database)
}

fn secret(passphrase: &str) -> SecretString {
    SecretString::from(passphrase.to_owned())
}

#[cfg(test)]
mod tests;
