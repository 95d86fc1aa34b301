//! Walking along a tar archive as it streams by: names and contents, nothing kept but the last long name.

use std::io::{self, Read};

const BLOCK: usize = 512;

/// The longest name that is taken, in bytes; what is longer is cut.
const LONGEST_NAME: u64 = 64 * 1024;

/// Whether what begins so is a tar archive (POSIX 1003.1, `ustar`; GNU's too).
pub fn begins(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// Calls `entry` with the name and the content of each file.
pub fn each(
    archive: &mut dyn Read,
    entry: &mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>,
) -> io::Result<()> {
    let mut long_name = None;
    loop {
        let mut header = [0; BLOCK];
        // An archive ends with blocks of zeros; some are cut off before.
        if !fill(archive, &mut header)? || header.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        if !begins(&header) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "no header where an entry should begin"));
        }
        let size = number(&header[124..136]);
        let mut content = Read::take(&mut *archive, size);
        match header[156] {
            b'L' => long_name = Some(text_of(&mut content)?),
            b'x' => long_name = path_of(&text_of(&mut content)?).or(long_name),
            // Sparse files too, as they are stored.
            b'0' | 0 | b'7' | b'S' => {
                let name = long_name.take().unwrap_or_else(|| short_name(&header));
                entry(&name, &mut content)?;
            }
            // Links and directories have a name alone.
            _ => {
                let name = long_name.take().unwrap_or_else(|| short_name(&header));
                entry(&name, &mut io::empty())?;
            }
        }
        let padding = size.next_multiple_of(BLOCK as u64) - size;
        io::copy(&mut content, &mut io::sink())?;
        io::copy(&mut Read::take(&mut *archive, padding), &mut io::sink())?;
    }
}

/// Fills a buffer; says whether there was enough.
fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A number in octal, or in GNU's base 256.
fn number(field: &[u8]) -> u64 {
    if field[0] & 0x80 != 0 {
        let all = field[4..].iter().fold(0_u64, |all, byte| (all << 8) | u64::from(*byte));
        // The next multiple of a block has to be a number too.
        return all.min(u64::MAX / 2);
    }
    let digits = field.iter().filter(|byte| (b'0'..=b'7').contains(*byte));
    digits.fold(0, |all, digit| (all << 3) | u64::from(digit - b'0'))
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn short_name(header: &[u8; BLOCK]) -> String {
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    // GNU keeps other things there.
    let posix = header[263..265] == *b"00";
    if posix && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

fn text_of(content: &mut dyn Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    content.take(LONGEST_NAME).read_to_end(&mut bytes)?;
    Ok(text(&bytes))
}

/// The `path` among the records of a pax header: a length, a space, `key=value` and a newline each.
fn path_of(records: &str) -> Option<String> {
    let value = |record: &str| Some(record.split_once(' ')?.1.strip_prefix("path=")?.to_owned());
    records.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};

    use super::{begins, each};

    /// An entry as `tar` writes it.
    fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut block = vec![0; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[156] = kind;
        block[257..265].copy_from_slice(b"ustar\x0000");
        block.extend_from_slice(content);
        block.resize(block.len().next_multiple_of(512), 0);
        block
    }

    fn read(archive: &[u8]) -> io::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        each(&mut &*archive, &mut |name, content| {
            let mut text = String::new();
            // Not all of it: the walk goes on behind it all the same.
            content.take(5).read_to_string(&mut text)?;
            found.push((name.to_owned(), text));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn entries_come_in_their_order_under_their_names() {
        let long = "d/".repeat(80) + "long";
        let pax = format!("{} path={long}\n", long.len() + 10);
        let archive = [
            entry("a", b'0', b"first and more"),
            entry("d", b'5', b""),
            entry("././@LongLink", b'L', long.as_bytes()),
            entry("cut", b'0', b"two"),
            entry("pax", b'x', pax.as_bytes()),
            entry("cut", b'0', b"three"),
            entry("b", 0, &[b'x'; 512]),
            vec![0; 1024],
            b"what comes after the end".to_vec(),
        ];
        let expected = [("a", "first"), ("d", ""), (&long, "two"), (&long, "three"), ("b", "xxxxx")];
        let expected: Vec<_> = expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        assert!(begins(&archive.concat()));
        assert_eq!(read(&archive.concat()).unwrap(), expected);
    }

    #[test]
    fn what_is_broken_ends_the_walk_and_nothing_else() {
        let mut archive = [entry("a", b'0', b"first"), entry("b", b'0', b"second")].concat();
        assert_eq!(read(&archive[..1030]).unwrap().len(), 1, "cut off");
        archive[1024 + 257] = b'x';
        assert!(read(&archive).is_err());
        let mut huge = entry("a", b'0', b"");
        huge[124..136].copy_from_slice(&[0xff; 12]);
        assert_eq!(read(&huge).unwrap(), [("a".to_owned(), String::new())]);
    }
}
