//! Looking through what is read: text, programs, and archives in archives, within bounds.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, Write as _};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::place::{Finding, Place, Spot};
use super::tar;
use crate::cli::output::escape;
use crate::core::find::{self, Finder};

/// How much is read at a time.
const STRETCH: usize = 256 * 1024;

/// How much of the beginning tells what something is.
const HEAD: usize = 8 * 1024;

/// How deep archives are looked into.
const DEEPEST: usize = 3;

/// How large a zip may be that doesn't stand on disk by itself: it is read from its end.
const LARGEST_ZIP: u64 = 64 << 20;

/// What takes the findings.
pub type Sink<'s> = dyn FnMut(Finding) + 's;

/// What has been looked through so far.
pub struct Sweep {
    /// Files, blobs and the like.
    pub files: u64,
    /// Bytes of them, as they stand.
    pub bytes: u64,
    /// Whether something couldn't be looked through.
    pub troubled: bool,
    /// How many bytes may come out of the archives in one file.
    most_expanded: u64,
    left: Rc<Cell<u64>>,
}

/// What something is, by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// It has no lines.
    Binary,
    Gzip,
    Tar,
    Zip,
}

impl Kind {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            [b'P', b'K', 3, 4, ..] => Self::Zip,
            _ if tar::begins(head) => Self::Tar,
            _ if head.contains(&0) && !is_wide(head) => Self::Binary,
            _ => Self::Text,
        }
    }

    const fn is_archive(self) -> bool {
        matches!(self, Self::Gzip | Self::Tar | Self::Zip)
    }
}

/// Whether it is text in UTF-16: by its mark, or because every second byte is zero and hardly any other.
fn is_wide(head: &[u8]) -> bool {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return true;
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let (most, least) = (even.max(odd), even.min(odd));
    most * 4 > head.len() && least * 20 < head.len()
}

impl Sweep {
    /// Nothing yet.
    pub fn new(most_expanded: u64) -> Self {
        Self { files: 0, bytes: 0, troubled: false, most_expanded, left: Rc::default() }
    }

    /// Says what couldn't be looked through.
    pub fn trouble(&mut self, place: &Place, why: impl std::fmt::Display) {
        self.troubled = true;
        // A closed standard error is nobody's error.
        let _ = writeln!(io::stderr(), "{place}: {}", escape(&why.to_string()));
    }

    /// Looks through a file's name and content. What is in an archive is told by its entry; the archive's own bytes are
    /// looked through as well, for what stands between the entries, or where it can't be opened.
    pub fn file(&mut self, place: &Place, file: &mut File, sink: &mut Sink<'_>) -> io::Result<()> {
        let mut head = Vec::with_capacity(HEAD);
        Read::take(&mut *file, HEAD as u64).read_to_end(&mut head)?;
        let kind = Kind::of(&head);
        if !kind.is_archive() || file.rewind().is_err() {
            return self.stream(place, &mut head.as_slice().chain(file), sink);
        }
        self.begin(place, sink);
        let mut inside = HashSet::new();
        let mut sink_inside = |finding: Finding| {
            inside.insert(finding.id());
            sink(finding);
        };
        let looked = match kind {
            Kind::Zip => self.zip(place, &mut *file, 1, &mut sink_inside),
            _ => self.opened(place, kind, &mut *file, 1, &mut sink_inside),
        };
        self.settle(place, looked);
        file.rewind()?;
        let bytes = plain(place, Kind::Binary, file, &mut |finding| {
            if !inside.contains(&finding.id()) {
                sink(finding);
            }
        })?;
        self.bytes += bytes;
        Ok(())
    }

    /// Looks through what can be read once.
    pub fn stream(&mut self, place: &Place, from: &mut dyn Read, sink: &mut Sink<'_>) -> io::Result<()> {
        self.begin(place, sink);
        let mut from = Counted { inner: from, count: 0 };
        let read = self.nested(place, &mut from, 0, sink);
        self.bytes += from.count;
        read
    }

    fn begin(&mut self, place: &Place, sink: &mut Sink<'_>) {
        self.files += 1;
        self.left.set(self.most_expanded);
        names(place, &place.path, sink);
    }

    /// Looks through something at a depth of so many archives.
    fn nested(
        &mut self,
        place: &Place,
        from: &mut dyn Read,
        depth: usize,
        sink: &mut Sink<'_>,
    ) -> io::Result<()> {
        let head = head_of(place, &mut *from, sink)?;
        let mut kind = Kind::of(&head);
        if kind.is_archive() && depth >= DEEPEST {
            self.trouble(
                place,
                format_args!("archives are looked into {DEEPEST} deep, and this lies deeper"),
            );
            kind = Kind::Binary;
        }
        let mut whole = head.as_slice().chain(from);
        match kind {
            Kind::Text | Kind::Binary => plain(place, kind, &mut whole, sink).map(drop),
            Kind::Zip => {
                let mut bytes = Vec::new();
                Read::take(&mut whole, LARGEST_ZIP + 1).read_to_end(&mut bytes)?;
                if bytes.len() as u64 > LARGEST_ZIP {
                    self.trouble(place, "too large a zip to be looked into where it stands");
                    let mut whole = bytes.as_slice().chain(whole);
                    return plain(place, Kind::Binary, &mut whole, sink).map(drop);
                }
                let looked = self.zip(place, io::Cursor::new(&bytes), depth + 1, sink);
                if looked.is_err() {
                    plain(place, Kind::Binary, &mut bytes.as_slice(), sink)?;
                }
                self.settle(place, looked);
                Ok(())
            }
            Kind::Gzip | Kind::Tar => {
                let looked = self.opened(place, kind, &mut whole, depth + 1, sink);
                self.settle(place, looked);
                Ok(())
            }
        }
    }

    /// Looks into what streams by.
    fn opened(
        &mut self,
        place: &Place,
        kind: Kind,
        from: &mut dyn Read,
        depth: usize,
        sink: &mut Sink<'_>,
    ) -> io::Result<()> {
        if kind == Kind::Tar {
            return tar::each(from, &mut |name, content| {
                let place = place.entry(name);
                names(&place, name, sink);
                self.nested(&place, content, depth, sink)
            });
        }
        let expanded = MultiGzDecoder::new(from);
        let mut expanded = Bounded { inner: expanded, left: Rc::clone(&self.left) };
        let head = head_of(place, &mut expanded, sink)?;
        let mut whole = head.as_slice().chain(expanded);
        // A tar in a gzip is one archive.
        match Kind::of(&head) {
            Kind::Tar => self.opened(place, Kind::Tar, &mut whole, depth, sink),
            _ => self.nested(place, &mut whole, depth, sink),
        }
    }

    fn zip(
        &mut self,
        place: &Place,
        from: impl Read + Seek,
        depth: usize,
        sink: &mut Sink<'_>,
    ) -> io::Result<()> {
        let mut archive = ZipArchive::new(from)?;
        for at in 0..archive.len() {
            let content = match archive.by_index(at) {
                Ok(content) => content,
                // Encrypted, or packed by a rarer method.
                Err(error) => {
                    self.trouble(place, format_args!("entry {at} isn't looked into: {error}"));
                    continue;
                }
            };
            let name = String::from_utf8_lossy(content.name_raw()).into_owned();
            let place = place.entry(&name);
            names(&place, &name, sink);
            let mut content = Bounded { inner: content, left: Rc::clone(&self.left) };
            match self.nested(&place, &mut content, depth, sink) {
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(error),
                looked => self.settle(&place, looked),
            }
        }
        Ok(())
    }

    /// What came of looking into an archive: what is broken wasn't read to its end.
    fn settle(&mut self, place: &Place, looked: io::Result<()>) {
        match looked {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => self.trouble(place, error),
            Err(error) => self.trouble(place, format_args!("isn't looked into any further: {error}")),
        }
    }
}

/// The beginning of something. What came before it broke off is looked through.
fn head_of(place: &Place, from: &mut dyn Read, sink: &mut Sink<'_>) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    if let Err(error) = Read::take(from, HEAD as u64).read_to_end(&mut head) {
        plain(place, Kind::Binary, &mut head.as_slice(), sink)?;
        return Err(error);
    }
    Ok(head)
}

/// Tells of tokens in a name.
fn names(place: &Place, name: &str, sink: &mut Sink<'_>) {
    for found in find::all(name.as_bytes()) {
        sink(Finding { place: place.clone(), spot: Spot::Name, token: found.token });
    }
}

/// Looks through bytes as they are: how many there were.
fn plain(place: &Place, kind: Kind, from: &mut dyn Read, sink: &mut Sink<'_>) -> io::Result<u64> {
    let mut finder = if kind == Kind::Text { Finder::in_text() } else { Finder::in_binary() };
    let mut stretch = vec![0; STRETCH];
    let mut tell = |found: find::Found| {
        let spot = if kind == Kind::Text { Spot::Line(found.line) } else { Spot::Byte(found.offset) };
        sink(Finding { place: place.clone(), spot, token: found.token });
    };
    let mut count = 0;
    let ended = loop {
        match from.read(&mut stretch) {
            Ok(0) => break Ok(count),
            Ok(read) => {
                finder.feed(&stretch[..read], &mut tell);
                count += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    finder.finish(&mut tell);
    ended
}

/// Counts what is read.
struct Counted<'r> {
    inner: &'r mut dyn Read,
    count: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

/// What comes out of an archive, as long as the file that it is in has some left.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let Some(left) = self.left.get().checked_sub(read as u64) else {
            self.left.set(0);
            let kind = io::ErrorKind::FileTooLarge;
            return Err(io::Error::new(kind, "more comes out of it than --max-expanded allows"));
        };
        self.left.set(left);
        Ok(read)
    }
}
