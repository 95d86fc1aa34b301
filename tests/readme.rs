//! The README's promises: what it runs is run here, and prints what it says.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use crate::harness::{Server, command::JETON};

/// What stands between the block's commands and what they print.
const MARK: &str = "<!-- test: walkthrough -->";

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md")
}

/// The fenced blocks after the marks: their lines, one block after the other.
fn walkthrough(readme: &str) -> Vec<String> {
    let lines = readme.split(MARK).skip(1).flat_map(|after| {
        let block = after.split_once("```sh\n").expect("a block of shell").1;
        block.split_once("\n```").expect("the block ends").0.lines().chain([""])
    });
    lines.map(Into::into).collect()
}

/// A command as typed and the lines it is said to print, as comments that follow it.
struct Step {
    command: String,
    printed: Vec<String>,
}

fn steps(lines: &[String]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut open, mut prose) = (false, true);
    for line in lines {
        if line.trim().is_empty() {
            // A comment after a blank line is said to the reader; one after a command is what the command prints.
            prose = true;
        } else if let Some(printed) = line.strip_prefix("# ") {
            if !prose {
                steps.last_mut().expect("prose comes first").printed.push(printed.into());
            }
        } else if open {
            let step = steps.last_mut().expect("a command goes on");
            step.command.push('\n');
            step.command.push_str(line);
            open = line.ends_with('\\');
        } else {
            steps.push(Step { command: line.clone(), printed: Vec::new() });
            (open, prose) = (line.ends_with('\\'), false);
        }
    }
    steps
}

/// Whether what was printed is what is shown: word for word, but that `…` stands for whatever differs each time.
fn agrees(shown: &str, printed: &str) -> bool {
    let mut rest = printed;
    for (at, piece) in shown.split('…').enumerate() {
        match rest.find(piece) {
            Some(0) => rest = &rest[piece.len()..],
            Some(found) if at > 0 => rest = &rest[found + piece.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || shown.ends_with('…')
}

#[test]
fn the_walkthrough_prints_what_it_shows() {
    let server = Server::start();
    // The block speaks to the default port and the binary on the path.
    let bin = server.home().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(JETON, bin.join("jeton")).unwrap();
    symlink(server.data(), server.home().join("jeton-data")).unwrap();
    let address = server.address().to_string();
    let readme = readme();
    let steps = steps(&walkthrough(&readme));
    assert!(steps.len() >= 20, "a token's life and a team's first day: {} steps", steps.len());
    let marker = "-- end of step --";
    let script: String = steps
        .iter()
        .map(|step| {
            format!(
                "{}\necho\necho '{marker}'\n",
                step.command.replace("127.0.0.1:8700", &address).replace("localhost:8700", &address)
            )
        })
        .collect();
    let output = Command::new("/bin/sh")
        .args(["-eu", "-c", &script])
        .current_dir(server.home())
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let printed: Vec<_> = stdout.split(marker).map(str::trim).collect();
    for (step, printed) in steps.iter().zip(printed) {
        let shown =
            step.printed.join("\n").replace("127.0.0.1:8700", &address).replace("localhost:8700", &address);
        assert!(
            agrees(shown.trim(), printed),
            "{}\nis said to print\n{shown}\nand prints\n{printed}",
            step.command
        );
    }
}

#[test]
fn the_first_screen_says_what_it_is_and_gives_the_two_commands() {
    let readme = readme();
    let first: String = readme.lines().take(45).collect::<Vec<_>>().join("\n");
    for needed in ["cargo run --release -- serve", "tests/run"] {
        assert!(first.contains(needed), "{needed:?} isn't on the first screen");
    }
    assert!(readme.contains("tests/run --long"));
}

#[test]
fn the_comparison_sees_a_difference() {
    assert!(agrees("{\"id\":\"…\",\"active\":true}", "{\"id\":\"018f\",\"active\":true}"));
    assert!(!agrees("{\"id\":\"…\",\"active\":true}", "{\"id\":\"018f\",\"active\":false}"));
    assert!(agrees("…", "anything"));
    assert!(!agrees("", "something"));
    assert!(!agrees("one", "one two"));
}
