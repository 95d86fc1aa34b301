//! `jeton openapi`: the API's description, from the program itself.

use std::process::ExitCode;

use crate::cli::output;

pub fn run() -> anyhow::Result<ExitCode> {
    output::line(crate::http::openapi_json(&crate::http::Dialects::all()).trim_end())?;
    Ok(ExitCode::SUCCESS)
}
