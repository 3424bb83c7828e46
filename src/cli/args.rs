//! What may stand on the command line.

mod mapping;
mod records;
mod rehearsal;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

pub use mapping::{DrawArguments, DrawFormat, InitArguments, MappingCommand};
pub use records::{ConflictsCommand, ParkedArguments, ParkedCommand, ResyncArguments};
pub use rehearsal::{DemoArguments, SandboxArguments};

const EXAMPLES: &str = "\
Examples:
  lockstep demo                                see it work, with nothing to install or configure
  lockstep check -c config/lockstep.toml       everything that is wrong with configuration and mapping
  lockstep run -c config/lockstep.toml         the daemon
  lockstep status                              how things stand
  lockstep explain 00Q5f000005bwLF             why this Lead is what it is
  lockstep conflicts resolve k7 --take salesforce --by 'Ann Lee'

Exit codes: 0 well, 1 it failed, 2 the command line is wrong, 3 the configuration or mapping is wrong,
4 it worked and something waits for a person.";

const COMPLETIONS: &str = "\
Examples:
  lockstep completions bash > /etc/bash_completion.d/lockstep
  lockstep completions zsh > \"${fpath[1]}/_lockstep\"
  lockstep completions fish > ~/.config/fish/completions/lockstep.fish";

/// Keeps a company's Salesforce and its Revenue Engage in step, both ways.
#[derive(Debug, Parser)]
#[command(name = "lockstep", version, after_help = EXAMPLES, max_term_width = 110, disable_help_subcommand = true)]
pub struct Arguments {
    /// The configuration file.
    #[arg(short, long, global = true, value_name = "FILE", default_value = "config/lockstep.toml")]
    pub config: PathBuf,
    /// The admin port of a running daemon, in the place of the one the configuration names.
    #[arg(long, global = true, value_name = "URL")]
    pub admin: Option<Url>,
    /// Answer in JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Explain a command, or a code such as M012; `help codes` lists them.
    Help {
        /// A command, or a code.
        #[arg(value_name = "COMMAND or CODE")]
        what: Vec<String>,
    },
    /// Play the main job against a sandbox, with nothing to install or configure.
    Demo(DemoArguments),
    /// Run the daemon.
    Run,
    /// Serve a Salesforce and a Revenue Engage to rehearse against.
    Sandbox(Box<SandboxArguments>),
    /// Check configuration and mapping; all problems at once.
    #[command(after_help = "Examples:\n  lockstep check -c config/acme.toml\n  lockstep check --live --json")]
    Check {
        /// Ask both systems too: credentials, fields, values, limits. Writes nothing.
        #[arg(long)]
        live: bool,
    },
    /// Get a refresh token for Salesforce, by the consent of a person at a browser.
    ///
    /// Listens on this machine, prints the address that asks for consent, fetches a refresh token for the answer, keeps
    /// it in `refresh_token_file`, and uses it once to show that it works. The configuration says
    /// `flow = "refresh-token"`, and the app in Salesforce has the callback URL http://localhost:8243/callback.
    #[command(
        after_help = "Examples:\n  lockstep login -c config/acme.toml --open\n  lockstep login --port 8300"
    )]
    Login(LoginArguments),
    /// Show what a run would do now. Writes nothing anywhere.
    Plan {
        /// Let what waits go through: those very writes, and nothing that was decided later. With the id that `plan`
        /// showed only if it is still that plan that waits.
        #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
        apply: Option<String>,
        /// List every record, not only how many of each kind.
        #[arg(long)]
        all: bool,
    },
    /// Show how things stand, on one screen.
    Status {
        /// Only say whether the daemon is alive and ready (for health checks): exit 0 or 1.
        #[arg(long)]
        check: bool,
    },
    /// Show everything known of one person: what was seen, decided and written, newest last.
    #[command(
        after_help = "Examples:\n  lockstep explain 0035f00002EztxDAAR\n  lockstep explain p_000001 --json"
    )]
    Explain {
        /// A Salesforce id, a prospect id or an email address.
        id: String,
    },
    /// List what a person has to decide, or decide it.
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Example:\n  lockstep conflicts resolve p_000001 --take engage --by 'Ann Lee'"
    )]
    Conflicts {
        /// Without one: list.
        #[command(subcommand)]
        command: Option<ConflictsCommand>,
    },
    /// List the writes a system refused for good, try them again or forget them.
    #[command(after_help = "Examples:\n  lockstep parked retry p_000001\n  lockstep parked retry --yes")]
    Parked {
        /// Without one: list.
        #[command(subcommand)]
        command: Option<ParkedCommand>,
    },
    /// Draft, test, draw, show and compare mapping files.
    Mapping {
        /// What to do with it.
        #[command(subcommand)]
        command: MappingCommand,
    },
    /// Print the catalogue of log events.
    Events {
        /// As the page docs/events.md.
        #[arg(long, conflicts_with = "json")]
        markdown: bool,
    },
    /// Print the list of metrics, with their labels and every value of those.
    Metrics,
    /// Compare records again, by the plan's rules.
    #[command(
        after_help = "Examples:\n  lockstep resync --since 2026-11-01T00:00:00Z\n  lockstep resync p_000001 00Q5f000005bwLF"
    )]
    Resync(ResyncArguments),
    /// Stop writing. Reading goes on, and nothing is lost.
    Pause,
    /// Write again.
    Resume,
    /// Back up what the daemon knows, put it back, or look whether it is whole.
    #[command(
        after_help = "Examples:\n  lockstep store export backup.jsonl\n  lockstep store export - | gzip > backup.jsonl.gz\n  lockstep store import backup.jsonl\n  lockstep store verify --json"
    )]
    Store {
        /// What to do with it.
        #[command(subcommand)]
        command: StoreCommand,
    },
    /// Print what makes a shell complete commands and options.
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the JSON Schema of what a command answers with `--json`, or of all of them.
    #[command(
        after_help = "Examples:\n  lockstep schema status\n  lockstep schema conflicts resolve\n  lockstep schema > lockstep-json.json"
    )]
    Schema {
        /// The command; without one all of them, by name.
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Write the man pages, or print the first of them.
    #[command(after_help = "Examples:\n  lockstep man | man -l -\n  lockstep man /usr/local/share/man/man1")]
    Man {
        /// The directory to write one page a command into.
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// `lockstep store ...`.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Write a copy of it as JSON Lines, while the daemon runs or not.
    ///
    /// In it are links with their baselines and opt-outs, conflicts, parked writes, own pauses, newcomers and cursors: ids
    /// and statuses, no names and no email addresses.
    #[command(
        after_help = "Examples:\n  lockstep store export backup.jsonl\n  lockstep store export --journal - | gzip > backup.jsonl.gz"
    )]
    Export {
        /// The file to write; `-` for standard output.
        file: PathBuf,
        /// Take the journal along: what `lockstep explain` tells. It may be a hundred times larger than the rest.
        #[arg(long)]
        journal: bool,
    },
    /// Put a copy back. No daemon may run on the store.
    ///
    /// The file is looked through first. Everything in it counts as of the time of the copy: both sides of everybody are
    /// looked at, who agrees goes on, who does not is held for a person, and opt-outs of either side are carried over.
    #[command(
        after_help = "Examples:\n  lockstep store import backup.jsonl\n  gunzip < backup.jsonl.gz | lockstep store import - --replace"
    )]
    Import {
        /// The file to read; `-` for standard input.
        file: PathBuf,
        /// Move aside the store that is there; without it only an empty place is filled.
        #[arg(long)]
        replace: bool,
    },
    /// Look at every row: exit 0 when all is whole, 1 when it is not.
    #[command(after_help = "Examples:\n  lockstep store verify\n  lockstep store verify --json")]
    Verify,
}

/// `lockstep login`.
#[derive(Debug, Args)]
pub struct LoginArguments {
    /// The port of the callback URL, http://localhost:N/callback: the app must have exactly that one. 0 picks a free one.
    #[arg(long, value_name = "N", default_value_t = 8243)]
    pub port: u16,
    /// How long to wait for the answer.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = crate::config::parse_duration)]
    pub timeout: Duration,
    /// Open the address in this machine's browser.
    #[arg(long)]
    pub open: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_free_of_contradictions() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_configuration_may_be_named_before_or_after_the_command() {
        for line in [["lockstep", "-c", "x.toml", "status"], ["lockstep", "status", "-c", "x.toml"]] {
            assert_eq!(Arguments::parse_from(line).config, PathBuf::from("x.toml"));
        }
        assert_eq!(
            Arguments::parse_from(["lockstep", "status"]).config,
            PathBuf::from("config/lockstep.toml")
        );
    }

    #[test]
    fn a_resync_must_say_of_what_and_only_once() {
        for wrong in
            [&["resync"][..], &["resync", "--all", "x"], &["resync", "--since", "2026-11-01T00:00:00Z", "x"]]
        {
            let line = ["lockstep"].iter().chain(wrong);
            assert!(Arguments::try_parse_from(line).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_decision_needs_a_side_and_a_name() {
        for wrong in [
            &["conflicts", "resolve", "k1"][..],
            &["conflicts", "resolve", "k1", "--take", "both", "--by", "Ann"],
            &["conflicts", "resolve", "k1", "--take", "engage", "--by", ""],
            &["conflicts", "resolve", "--take", "engage", "--by", "Ann"],
        ] {
            let line = ["lockstep"].iter().chain(wrong);
            assert!(Arguments::try_parse_from(line).is_err(), "{wrong:?}");
        }
    }
}
