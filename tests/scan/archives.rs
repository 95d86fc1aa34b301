//! What is in archives, and in archives in them, within bounds.

use std::{
    io::{Cursor, Write},
    path::Path,
    process::Command,
};

use flate2::{Compression, write::GzEncoder};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::{at, findings, made, places, scan, silent, write};
use crate::harness::command::text;

fn zipped(method: CompressionMethod, entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What Debian's own `tar` makes of a directory.
fn tarred(home: &Path, directory: &str, format: &str) -> Vec<u8> {
    let output = Command::new("tar")
        .args(["--sort=name", "--format", format, "-C", text(home), "-cf", "-", directory])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn entries_are_told_by_their_names_and_lines() {
    let home = tempfile::tempdir().unwrap();
    let line = |number: usize| format!("one\ntwo {}\n", made(number));
    let two = [("docs/a.txt", line(1)), ("b", "nothing".repeat(1_000))];
    let two = two.each_ref().map(|(name, content)| (*name, content.as_bytes()));
    write(home.path(), "deflated.jar", zipped(CompressionMethod::Deflated, &two));
    write(home.path(), "stored.zip", zipped(CompressionMethod::Stored, &two));
    write(home.path(), "note.gz", gzipped(line(2).as_bytes()));
    let long = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    write(home.path(), &format!("tree/{long}"), line(3));
    write(home.path(), "tree/short", line(4));
    for format in ["gnu", "pax", "ustar"] {
        let tar = tarred(home.path(), "tree", format);
        write(home.path(), "archives/plain.tar", &tar);
        write(home.path(), "archives/packed.tar.gz", gzipped(&tar));
        let found = findings(&scan(home.path(), &["archives"]));
        let expected = ["packed.tar.gz", "plain.tar"].map(|name| {
            let place = |entry: &str| format!("archives/{name}!tree/{entry}:2");
            [at(&place(&long), &made(3)), at(&place("short"), &made(4))]
        });
        assert_eq!(found, expected.concat(), "{format}");
    }
    let output = scan(home.path(), &["deflated.jar", "stored.zip", "note.gz"]);
    let expected = [
        at("deflated.jar!docs/a.txt:2", &made(1)),
        at("stored.zip!docs/a.txt:2", &made(1)),
        at("note.gz:2", &made(2)),
    ];
    assert_eq!(findings(&output), expected, "each once");
    silent(&output, &[&made(1), &made(2)]);
}

#[test]
fn archives_are_looked_into_three_deep() {
    let home = tempfile::tempdir().unwrap();
    let innermost = zipped(CompressionMethod::Deflated, &[("token", made(1).as_bytes())]);
    write(home.path(), "in/inner.zip", &innermost);
    let middle = gzipped(&tarred(home.path(), "in", "gnu"));
    let three =
        zipped(CompressionMethod::Deflated, &[("middle.tgz", &middle), ("beside", made(2).as_bytes())]);
    write(home.path(), "three.zip", &three);
    let found = findings(&scan(home.path(), &["three.zip"]));
    let place = "three.zip!middle.tgz!in/inner.zip!token:1";
    assert_eq!(found, [at(place, &made(1)), at("three.zip!beside:1", &made(2))]);
    write(home.path(), "four.zip", zipped(CompressionMethod::Deflated, &[("three.zip", &three)]));
    let output = scan(home.path(), &["four.zip"]);
    assert_eq!(output.code, Some(2), "not all was looked through");
    assert!(output.stderr.contains("3 deep"), "{}", output.stderr);
    assert_eq!(places(&output), [at("four.zip!three.zip!beside:1", &made(2))]);
}

#[test]
fn a_bomb_is_given_up_and_told() {
    let home = tempfile::tempdir().unwrap();
    let mut large = vec![0; 32 << 20];
    large.extend_from_slice(made(1).as_bytes());
    let bombs = [
        ("bomb.gz", gzipped(&large)),
        ("bomb.gz.gz", gzipped(&gzipped(&large))),
        (
            "bomb.zip",
            zipped(CompressionMethod::Deflated, &[("before", made(2).as_bytes()), ("large", &large)]),
        ),
    ];
    for (name, bytes) in &bombs {
        write(home.path(), name, bytes);
        let output = scan(home.path(), &["--max-expanded", "16", name]);
        assert_eq!(output.code, Some(2), "{name}");
        assert!(output.stderr.contains("--max-expanded"), "{}", output.stderr);
        assert!(output.stderr.lines().count() <= 3, "{}", output.stderr);
        let found: Vec<_> = places(&output).into_iter().map(|(place, _)| place).collect();
        assert_eq!(found.is_empty(), *name != "bomb.zip", "what came before is told: {found:?}");
        assert_eq!(scan(home.path(), &[name]).code, Some(1), "{name} is within what is allowed by itself");
    }
}

#[test]
fn what_is_broken_is_read_as_it_stands_and_told() {
    let home = tempfile::tempdir().unwrap();
    let whole = zipped(CompressionMethod::Stored, &[("a", made(1).as_bytes()), ("b", b"x")]);
    write(home.path(), "cut.zip", &whole[..whole.len() - 30]);
    let mut gzip = gzipped(format!("{}\n{}", made(2), "x".repeat(100_000)).as_bytes());
    gzip.truncate(gzip.len() / 2);
    write(home.path(), "cut.gz", gzip);
    write(home.path(), "not.gz", [&[0x1f, 0x8b, 8, 0][..], made(3).as_bytes()].concat());
    write(home.path(), "after.zip", [whole.as_slice(), made(4).as_bytes()].concat());
    let output = scan(home.path(), &["cut.zip", "cut.gz", "not.gz", "after.zip"]);
    assert_eq!(output.code, Some(2), "not all of what was packed was read");
    let found: Vec<_> = places(&output).into_iter().map(|(_, id)| id).collect();
    let expected = [made(1), made(2), made(3), made(1), made(4)];
    let expected: Vec<_> = expected.iter().map(|token| at("", token).1).collect();
    assert_eq!(found, expected);
    assert!(output.stderr.contains("cut.zip: ") && output.stderr.contains("cut.gz: "), "{}", output.stderr);
}

#[test]
fn an_entry_that_is_not_read_makes_it_2() {
    let home = tempfile::tempdir().unwrap();
    let whole = zipped(CompressionMethod::Deflated, &[("a", b"secret"), ("b", b"nothing")]);
    write(home.path(), "whole.zip", &whole);
    assert_eq!(scan(home.path(), &["whole.zip"]).code, Some(0));
    // The flag that says so stands 6 bytes into an entry's header, and 8 into its line of the list.
    let mut encrypted = whole.clone();
    let list = whole.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    encrypted[6] |= 1;
    encrypted[list + 8] |= 1;
    let mut odd = whole.clone();
    odd[8..10].copy_from_slice(&99_u16.to_le_bytes());
    odd[list + 10..list + 12].copy_from_slice(&99_u16.to_le_bytes());
    let inner = zipped(CompressionMethod::Stored, &[("inner.zip", &encrypted)]);
    let gzip = gzipped(&b"nothing".repeat(1_000));
    let cut = zipped(CompressionMethod::Stored, &[("cut.gz", &gzip[..gzip.len() - 9])]);
    for (name, bytes) in
        [("encrypted.zip", encrypted), ("odd.zip", odd), ("outer.zip", inner), ("cut.zip", cut)]
    {
        write(home.path(), name, bytes);
        let output = scan(home.path(), &[name]);
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{name}");
        assert!(output.stderr.starts_with(name), "{}", output.stderr);
    }
}
