//! The command line: one file a command.

mod access;
mod args;
mod check;
mod completions;
mod conflicts;
mod context;
mod daemon;
mod demo;
mod events;
mod explain;
mod failure;
mod help;
mod live;
mod local;
mod login;
mod man;
mod mapping;
mod metrics;
mod parked;
mod pause;
mod plan;
mod planned;
mod progress;
mod remote;
mod resync;
mod run;
mod sandbox;
mod schema;
mod status;
mod store;
mod table;
mod upkeep;

pub use args::{Arguments, Command, ConflictsCommand, MappingCommand, ParkedCommand, StoreCommand};
pub use context::{Context, Exit, Shown};
pub use failure::Failure;
pub use live::{Finding, check_live};
pub use mapping::facts;
pub use remote::Remote;

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// How long the end of a process waits for work on other threads whose answer nobody waits for any more, such as a copy of
/// the store.
const LEFT_WITHIN: Duration = Duration::from_secs(1);

/// Runs the command line of this process. Exit codes: 0 well, 1 it failed, 2 the command line is wrong, 3 the
/// configuration or mapping is wrong, 4 it worked and something waits for a person.
pub fn main() -> ExitCode {
    #[cfg(feature = "mutants")]
    crate::mutant::plant_by_environment();
    let arguments = Arguments::parse();
    let context = Context::new(&arguments);
    // More than one provider is among the dependencies of our dependencies: rustls wants to be told which one it is.
    // An error means that it has been told already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return report(&context, &Failure::Failed(anyhow::anyhow!("cannot start: {why}"))),
    };
    let code = match runtime.block_on(dispatch(arguments.command, &context)) {
        Ok(shown) => {
            // Whoever read the output may have seen enough and gone, as `head` does.
            let _ = std::io::stdout().lock().write_all(shown.text.as_bytes());
            shown.exit.into()
        }
        Err(failure) => report(&context, &failure),
    };
    runtime.shutdown_timeout(LEFT_WITHIN);
    code
}

async fn dispatch(command: Command, context: &Context) -> Result<Shown, Failure> {
    match command {
        Command::Demo(arguments) => demo::run(arguments, context).await,
        Command::Run => run::run(context).await,
        Command::Sandbox(arguments) => sandbox::run(*arguments, context).await,
        Command::Check { live } => check::run(context, live).await,
        Command::Login(arguments) => login::run(context, arguments).await,
        Command::Plan { apply, all } => plan::run(context, apply, all).await,
        Command::Help { what } => help::run(context, &what),
        Command::Status { check } => status::run(context, check).await,
        Command::Explain { id } => explain::run(context, id).await,
        Command::Conflicts { command } => conflicts::run(context, command).await,
        Command::Parked { command } => parked::run(context, command).await,
        Command::Mapping { command } => mapping::run(context, command).await,
        Command::Events { markdown } => events::run(context, markdown),
        Command::Metrics => metrics::run(context),
        Command::Resync(arguments) => resync::run(context, arguments).await,
        Command::Pause => pause::pause(context).await,
        Command::Resume => pause::resume(context).await,
        Command::Store { command } => store::run(context, command).await,
        Command::Completions { shell } => completions::run(shell),
        Command::Schema { command } => schema::run(&command),
        Command::Man { dir } => man::run(dir.as_deref()),
    }
}

fn report(context: &Context, failure: &Failure) -> ExitCode {
    let _ = std::io::stderr().lock().write_all(failure.render(context.error_color).as_bytes());
    failure.exit().into()
}
