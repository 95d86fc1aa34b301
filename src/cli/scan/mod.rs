//! `jeton scan`: finds tokens where they don't belong, and says which of them are live.

mod git;
mod live;
mod place;
mod sweep;
mod tar;
mod walk;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use self::git::Repository;
use self::live::Known;
use self::place::{Finding, Place};
use self::sweep::{Sink, Sweep};
use crate::cli::client::Client;
use crate::cli::connect::{ClientArgs, with_client};
use crate::cli::failure::{self, Usage};
use crate::cli::output;
use crate::ops::config::Config;

/// Nothing was found; something was; not everything could be looked through.
const CLEAN: u8 = 0;
const FOUND: u8 = 1;
const TROUBLE: u8 = 2;

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct ScanArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Files and directories, with what is in zip, tar and gzip archives; `-` is standard input
    #[arg(value_name = "PATH", required_unless_present_any = ["git", "staged"])]
    paths: Vec<PathBuf>,
    /// Git repository: every blob and message that its refs lead to
    #[arg(long, value_name = "REPO", conflicts_with = "paths")]
    git: Option<PathBuf>,
    /// With --git: every object there is, those that nothing leads to as well
    #[arg(long, requires = "git")]
    all_objects: bool,
    /// What is about to be committed in the git repository here, for a pre-commit hook
    #[arg(long, conflicts_with_all = ["paths", "git"])]
    staged: bool,
    /// Ask the server which are live, and whose; that counts as no use of them
    #[arg(long)]
    check: bool,
    /// Revoke those that are live
    #[arg(long)]
    revoke: bool,
    /// Put on the server's record where they were found
    #[arg(long)]
    report: bool,
    /// Ask no server, which is the default
    #[arg(long, conflicts_with_all = ["check", "revoke", "report", "url"])]
    offline: bool,
    /// How much may come out of the archives in one file
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    max_expanded: u64,
}

impl ScanArgs {
    fn asks(&self) -> bool {
        self.check || self.revoke || self.report
    }
}

/// Scans. Exit code 0 says that everything was looked through and nothing found, 1 that something was, 2 that not
/// everything could be looked through or asked about.
pub fn run(arguments: &ScanArgs, config: &Config, data_dir_flag: bool) -> ExitCode {
    let mut found = false;
    ExitCode::from(match scan(arguments, config, data_dir_flag, &mut found) {
        Ok(code) => code,
        Err(error) => match failure::explain(&error) {
            // Whoever reads has seen enough.
            None if found => FOUND,
            None => TROUBLE,
            Some((_, text)) => {
                let _ = writeln!(io::stderr(), "error: {text}");
                TROUBLE
            }
        },
    })
}

fn scan(arguments: &ScanArgs, config: &Config, data_dir_flag: bool, found: &mut bool) -> anyhow::Result<u8> {
    if arguments.client.url.is_some() && !arguments.asks() {
        return Err(
            Usage("nothing would be asked of --url: give --check, --revoke or --report".to_owned()).into()
        );
    }
    let mut sweep = Sweep::new(arguments.max_expanded.saturating_mul(1 << 20));
    let json = arguments.client.json;
    let (mut places, mut kept, mut printed) = (0_u64, Vec::new(), Ok(()));
    look(arguments, &mut sweep, &mut |finding| {
        places += 1;
        *found = true;
        if arguments.asks() {
            kept.push(finding);
        } else if printed.is_ok() {
            printed = print(&finding, None, json);
        }
    })?;
    printed?;
    let mut known = (arguments.check || arguments.revoke).then(Known::default);
    let asked = if kept.is_empty() {
        Ok(())
    } else {
        with_client(&arguments.client, config, data_dir_flag, async |api| {
            ask(arguments, api, &kept, known.as_mut()).await
        })
    };
    // What was found is told whatever becomes of asking.
    for finding in &kept {
        print(finding, known.as_ref(), json)?;
    }
    let Sweep { files, bytes, troubled, .. } = sweep;
    let _ = writeln!(io::stderr(), "scanned {files} files, {bytes} bytes: tokens in {places} places");
    asked?;
    Ok(if troubled {
        TROUBLE
    } else if *found {
        FOUND
    } else {
        CLEAN
    })
}

/// Asks about what was found, reports it and ends it, as far as that was asked for: one that fails keeps nothing else from
/// being done, and the first failure is told.
async fn ask(
    arguments: &ScanArgs,
    api: &Client,
    found: &[Finding],
    mut known: Option<&mut Known>,
) -> anyhow::Result<()> {
    let checked = match known.as_deref_mut() {
        Some(known) => known.ask(api, found).await,
        None => Ok(()),
    };
    let reported = if arguments.report { report(api, found).await } else { Ok(()) };
    let revoked = match known.filter(|_| arguments.revoke) {
        Some(known) => known.revoke(api, found).await,
        None => Ok(()),
    };
    checked.and(reported).and(revoked)
}

async fn report(api: &Client, found: &[Finding]) -> anyhow::Result<()> {
    let genuine = live::report(api, found).await?;
    let _ = writeln!(io::stderr(), "reported {} places, {genuine} of them genuine", found.len());
    Ok(())
}

fn look(arguments: &ScanArgs, sweep: &mut Sweep, sink: &mut Sink<'_>) -> anyhow::Result<()> {
    if arguments.staged {
        return Repository::open(None)?.staged(sweep, sink);
    }
    if let Some(path) = &arguments.git {
        return Repository::open(Some(path))?.history(sweep, arguments.all_objects, sink);
    }
    let mut passed_over = false;
    for path in &arguments.paths {
        if path == Path::new("-") {
            let place = Place::file("-");
            if let Err(error) = sweep.stream(&place, &mut io::stdin().lock(), sink) {
                sweep.trouble(&place, error);
            }
        } else {
            passed_over |= walk::walk(sweep, path, sink);
        }
    }
    if passed_over {
        let _ = writeln!(io::stderr(), "a .git directory was passed over: scan the history with --git REPO");
    }
    Ok(())
}

/// A line for a finding, with what a server knows of it, if it said.
fn print(finding: &Finding, known: Option<&Known>, json: bool) -> io::Result<()> {
    let known = known.and_then(|known| known.of(finding));
    if !json {
        let known = known.map(|known| format!(" {}", live::sentence(known))).unwrap_or_default();
        return output::line(&format!("{}{known}", finding.told()));
    }
    let mut object = finding.object();
    if let Some(known) = known.and_then(|known| known.as_object())
        && let Some(object) = object.as_object_mut()
    {
        object.extend(known.clone());
    }
    output::line(&object.to_string())
}
