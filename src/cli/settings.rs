//! The flags of `serve`, made from the table of settings.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::ops::config::{SETTINGS, Setting, Shape};

/// The settings that were given as flags: key and text.
#[derive(Debug, Clone, Default)]
pub struct SettingFlags(pub Vec<(&'static str, String)>);

/// Every setting but the data directory, whose flag belongs to every command.
fn of_serve() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.key != "data_dir")
}

fn flag(setting: &'static Setting) -> Arg {
    let help = match setting.default {
        Some(default) if setting.shape != Shape::Switch => format!("{} [default: {default}]", setting.help),
        _ => setting.help.to_owned(),
    };
    let flag = Arg::new(setting.key).long(setting.flag()).help(help);
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
        of_serve().fold(command, |command, setting| command.arg(flag(setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = of_serve().filter_map(|setting| {
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
