//! `lockstep demo`: the main job with nothing to install or configure.
//!
//! A Salesforce and a Revenue Engage of our own on loopback, and the daemon as it runs in production between them,
//! over real HTTP and on a real, temporary store.

mod onlooker;
mod stage;
mod story;

use super::args::DemoArguments;
use super::context::{Context, Exit, Shown};
use super::failure::Failure;
use crate::sync::Signal;
use stage::Stage;

/// Plays the story; without `--once` goes on with a small sales floor until interrupted.
pub async fn run(arguments: DemoArguments, context: &Context) -> Result<Shown, Failure> {
    let file = arguments.mapping.as_deref();
    let stage = Stage::set(stage::mapping(file)?, file).await?;
    let (stop, signals) = tokio::sync::mpsc::channel(1);
    let daemon = tokio::spawn(stage.daemon()?.run(signals));
    println!("{}", stage.opening());
    if !arguments.once {
        println!("{}", stage.dashboard());
    }
    let told = story::tell(&stage, context.color).await;
    if let (Ok(()), false) = (&told, arguments.once) {
        println!("{}", stage.keep_going());
        stage.sales_floor().await?;
    }
    // The daemon may have ended by itself: then its own error says more than ours.
    let _ = stop.send(Signal::Stop).await;
    daemon.await.map_err(anyhow::Error::from)??;
    match told {
        Ok(()) => Ok(Shown::well("Every step came true.\n")),
        Err(step) => Ok(Shown { text: format!("\n{step}\n"), exit: Exit::Failed }),
    }
}
