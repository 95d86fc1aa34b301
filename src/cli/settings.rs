//! The flags of `serve`, made from the table of settings.

use std::sync::LazyLock;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::ops::config::{SETTINGS, Setting, Shape};

/// The settings that were given as flags: key and text.
#[derive(Debug, Clone, Default)]
pub struct SettingFlags(pub Vec<(&'static str, String)>);

/// The flags' names, which clap wants to keep for good: in the order of the table.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| SETTINGS.iter().map(Setting::flag).collect());

/// Every setting but the data directory and the pepper's file, whose flags belong to every command.
fn of_serve() -> impl Iterator<Item = (&'static Setting, &'static str)> {
    let names = NAMES.iter().map(String::as_str);
    SETTINGS.iter().zip(names).filter(|(setting, _)| !matches!(setting.key, "data_dir" | "pepper_file"))
}

fn flag(setting: &'static Setting, name: &'static str) -> Arg {
    let help = match setting.default {
        Some(default) if setting.shape != Shape::Switch => format!("{} [default: {default}]", setting.help),
        _ => setting.help.to_owned(),
    };
    let flag = Arg::new(setting.key).long(name).help(help);
    if setting.shape == Shape::Switch {
        return flag.action(ArgAction::SetTrue);
    }
    let shape = setting.shape;
    let check = move |text: &str| match shape.check(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(expected) => Err(format!("it isn't {expected}")),
    };
    flag.value_name(shape.placeholder()).value_parser(ValueParser::new(check))
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        of_serve().fold(command, |command, (setting, name)| command.arg(flag(setting, name)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = of_serve().filter_map(|(setting, _)| {
            let text = if setting.shape == Shape::Switch {
                matches.get_flag(setting.key).then(|| "true".to_owned())
            } else {
                matches.get_one::<String>(setting.key).cloned()
            };
            text.map(|text| (setting.key, text))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
