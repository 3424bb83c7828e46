//! `lockstep help`: of a command, or the page of a code.

use super::args::Arguments;
use super::context::{Context, Shown};
use super::failure::Failure;
use crate::diagnostic::{PAGES, nearest, page, title};
use clap::CommandFactory;
use schemars::JsonSchema;
use serde::Serialize;

/// One code, as `help codes` lists them.
#[derive(Serialize, JsonSchema)]
pub(super) struct CodeLine {
    code: &'static str,
    title: &'static str,
}

/// The page of a code.
#[derive(Serialize, JsonSchema)]
pub(super) struct CodePage {
    code: String,
    /// In Markdown.
    page: &'static str,
}

/// Prints the page of a code, the help of a command, or without either what there is.
pub fn run(context: &Context, what: &[String]) -> Result<Shown, Failure> {
    let mut command = Arguments::command();
    let Some(first) = what.first() else {
        return Ok(Shown::well(format!("{}\n", command.render_long_help())));
    };
    if first == "codes" {
        let values: Vec<_> = PAGES.iter().map(|(code, page)| CodeLine { code, title: title(page) }).collect();
        let list = || PAGES.iter().map(|(_, page)| format!("{}\n", title(page))).collect();
        return Ok(Shown::well(context.show(&values, list)));
    }
    if let Some(page) = page(first) {
        let value = CodePage { code: first.to_uppercase(), page };
        return Ok(Shown::well(context.show(&value, || page.to_owned())));
    }
    command.build();
    let mut found = &mut command;
    for name in what {
        let known: Vec<String> =
            found.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        if !known.contains(name) {
            return Err(Failure::WrongLine(unknown(name, &known)));
        }
        let Some(next) = found.find_subcommand_mut(name) else {
            return Err(Failure::WrongLine(unknown(name, &known)));
        };
        found = next;
    }
    Ok(Shown::well(format!("{}\n", found.render_long_help())))
}

fn unknown(name: &str, commands: &[String]) -> String {
    let codes = PAGES.iter().map(|(code, _)| *code);
    let meant = nearest(name, commands.iter().map(String::as_str).chain(codes));
    match meant {
        Some(meant) => format!("there is no command and no code \"{name}\": did you mean {meant}?"),
        None => format!("there is no command and no code \"{name}\"; `lockstep help codes` lists the codes"),
    }
}
