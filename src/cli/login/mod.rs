//! `lockstep login`: a person allows Lockstep to come in, and the refresh token is kept.

mod callback;
mod page;

use super::args::LoginArguments;
use super::context::{Context, Shown};
use super::failure::Failure;
use super::run::system_clock;
use crate::config::{self, SalesforceFlow, show_duration};
use crate::connector::CallError;
use crate::connector::salesforce::{Login, Salesforce, Who};
use crate::event::escape;
use anyhow::{Context as _, anyhow};
use callback::{Browser, Callback};
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Where consent is given; printed before anything else.
#[derive(Serialize, JsonSchema)]
pub(super) struct Asked {
    authorize_url: String,
    callback_url: String,
}

/// Whose token it is, and where it is kept.
#[derive(Serialize, JsonSchema)]
pub(super) struct SignedIn {
    organization: String,
    user: String,
    username: Option<String>,
    instance: String,
    refresh_token_file: String,
}

/// Has a person asked for consent, and keeps the refresh token that comes of it.
pub async fn run(context: &Context, arguments: LoginArguments) -> Result<Shown, Failure> {
    let config = config::load_for_login(&context.config, config::environment())?;
    let SalesforceFlow::RefreshToken { refresh_token_file, .. } = &config.flow else {
        return Err(anyhow!("[salesforce] flow is not \"refresh-token\"").into());
    };
    let listener = listen(arguments.port).await?;
    let port = listener.local_addr().context("the port that was opened")?.port();
    let redirect = format!("http://localhost:{port}{}", callback::PATH);
    let salesforce = Salesforce::new(&config, system_clock()).map_err(told)?;
    let login = salesforce.begin_login(&redirect).await.map_err(told)?;
    let stopped = stopped()?;
    ask(context, &arguments, &login, &redirect)?;

    let mut callback = Callback::serve(listener);
    let consented = tokio::select! {
        consented = consent(&mut callback, &login) => consented,
        () = tokio::time::sleep(arguments.timeout) => Err(too_late(&arguments, &redirect)),
        () = stopped => Err(anyhow!("stopped before the browser answered; nothing was changed")),
    };
    let who = match consented {
        // From here on nothing ends it: the code is used up, and the token that comes for it must be kept.
        Ok((code, browser)) => {
            callback.take_no_more();
            let who = salesforce.finish_login(login, code).await.map_err(told);
            browser.show(if who.is_ok() { page::WELL } else { page::FAILED });
            who
        }
        Err(why) => Err(why),
    };
    callback.close().await;
    let who = who?;
    let file = refresh_token_file.display().to_string();
    let value = SignedIn {
        organization: who.organization.clone(),
        user: who.user.clone(),
        username: who.username.clone(),
        instance: who.instance.to_string(),
        refresh_token_file: file.clone(),
    };
    Ok(Shown::well(context.show(&value, || shown(&who, &file))))
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "port {port} of this machine is in use: end what listens there, or take another by `--port N` and add \
             http://localhost:N{} to the app's callback URLs",
            callback::PATH
        ),
        _ => anyhow::Error::from(error).context(format!("listening on port {port} of this machine")),
    })
}

/// Says where to go before anything else happens, and opens the browser if that is wanted.
fn ask(context: &Context, arguments: &LoginArguments, login: &Login, redirect: &str) -> anyhow::Result<()> {
    let value = Asked { authorize_url: login.url.to_string(), callback_url: redirect.to_owned() };
    let text = context.show(&value, || {
        format!(
            "Open this address in a browser on this machine, sign in as the integration user and allow access:\n\n  \
             {}\n\nThe answer is awaited for {} at {redirect}, which has to be a callback URL of the app.\n",
            login.url,
            show_duration(arguments.timeout),
        )
    });
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("writing to standard output")?;
    if arguments.open {
        open(login.url.as_str());
    }
    Ok(())
}

/// Opens the system's browser. Where that fails the address has been printed all the same.
fn open(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = Stdio::null;
    match Command::new(opener).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn() {
        // Waited for in the background, so that no dead process is left and a browser that stays holds up nothing.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(why) => eprintln!("`{opener}` cannot be run ({why}): open the address by hand"),
    }
}

/// The code, from the first answer that is meant for this login. Others are told so, and the wait goes on.
async fn consent(callback: &mut Callback, login: &Login) -> anyhow::Result<(SecretString, Browser)> {
    loop {
        let answer = callback.next().await.context("the port was closed")?;
        if !answer.state.is_some_and(|state| login.is_for(&state)) {
            answer.browser.show(page::NOT_OURS);
            eprintln!("an answer came that is not meant for this login; still waiting");
            continue;
        }
        match (answer.error, answer.code) {
            (None, Some(code)) => return Ok((code, answer.browser)),
            (Some(error), _) => {
                answer.browser.show(page::REFUSED);
                return Err(anyhow!("{}; nothing was changed", refused(&error)));
            }
            (None, None) => {
                answer.browser.show(page::REFUSED);
                return Err(anyhow!("Salesforce's answer brought no code; nothing was changed"));
            }
        }
    }
}

fn refused(error: &str) -> String {
    match error {
        // Salesforce's documentation writes it both ways.
        "access_denied" | "access-denied" => "access was denied in the browser".to_owned(),
        other => format!("Salesforce refused: {other}"),
    }
}

fn too_late(arguments: &LoginArguments, redirect: &str) -> anyhow::Error {
    anyhow!(
        "no answer came within {}; nothing was changed. If the browser said redirect_uri_mismatch, add {redirect} to \
         the app's callback URLs; a new app is known to Salesforce only after some minutes. --timeout waits longer",
        show_duration(arguments.timeout)
    )
}

/// What went wrong, in the words of whoever said it.
fn told(error: CallError) -> anyhow::Error {
    let help = match error.code.as_str() {
        "cannot-sign-in" => return anyhow!("{}", error.message),
        "invalid_grant" => {
            ": the code came too late, or the app's policies forbid it; run `lockstep login` again"
        }
        "invalid_client" | "invalid_client_id" => {
            ": check client_id and the client secret; a new app is known only after some minutes"
        }
        _ => "",
    };
    anyhow!("Salesforce: {}: {}{help}", error.code, error.message)
}

/// Ends when somebody stops the command.
fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).context("listening for signals");
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn shown(who: &Who, file: &str) -> String {
    let name = who.username.as_deref().unwrap_or("a user whose name this app may not ask for");
    format!(
        "Signed in as {}.\n  organization  {}\n  user          {}\n  instance      {}\nThe refresh token is kept in {file}.\n",
        escape(name),
        escape(&who.organization),
        escape(&who.user),
        who.instance,
    )
}
