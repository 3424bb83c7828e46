//! The token endpoint of either system, by the `oauth2` crate with our own HTTP client.

use super::http::{self, Http, may_call};
use super::{CallError, Effect, Retry};
use crate::model::Side;
use oauth2::basic::{BasicErrorResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse,
    TokenResponse, TokenUrl,
};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// Which grant is asked for.
pub(crate) enum Grant {
    ClientCredentials,
    RefreshToken(SecretString),
    /// A code that a person's consent brought.
    Code(SecretString, Expected),
    /// A signed assertion. The crate has no call for this grant, so its form is ours.
    JwtBearer(String),
}

/// What the answer to a request for consent must bring or fit, and where it is to be brought.
pub(crate) struct Expected {
    pub(crate) callback: RedirectUrl,
    /// Not to be guessed by whoever did not see the request.
    pub(crate) state: CsrfToken,
    /// Never leaves this process before the code is exchanged: whoever steals a code cannot use it.
    verifier: PkceCodeVerifier,
}

/// Where a person is asked for consent to these scopes.
pub(crate) fn consent_url(
    side: Side,
    endpoint: &Url,
    client_id: &str,
    callback: &str,
    scopes: &[&str],
) -> Result<(Url, Expected), CallError> {
    if !may_call(endpoint) {
        return Err(neither(side, endpoint));
    }
    let callback = RedirectUrl::new(callback.to_owned())
        .map_err(|error| stop(side, format!("{callback} is no callback URL: {error}")))?;
    let client: OAuthClient<EndpointNotSet> = Client::new(ClientId::new(client_id.to_owned()));
    let client = client.set_auth_uri(AuthUrl::from_url(endpoint.clone())).set_redirect_uri(callback.clone());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state) = client
        .authorize_url(CsrfToken::new_random)
        .add_scopes(scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    Ok((url, Expected { callback, state, verifier }))
}

/// What was granted.
pub(crate) struct Granted {
    pub(crate) access_token: SecretString,
    pub(crate) refresh_token: Option<SecretString>,
    pub(crate) expires_in: Option<Duration>,
    /// Everything else in the answer.
    pub(crate) extra: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Extra {
    #[serde(flatten)]
    fields: BTreeMap<String, Value>,
}

impl ExtraTokenFields for Extra {}

type TokenAnswer = StandardTokenResponse<Extra, BasicTokenType>;
type OAuthClient<TokenUrlState> = Client<
    BasicErrorResponse,
    TokenAnswer,
    oauth2::basic::BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    oauth2::basic::BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    TokenUrlState,
>;

/// Asks for a token. `classify` turns an error answer into what to do about it.
pub(crate) async fn token(
    http: &Http,
    side: Side,
    endpoint: &Url,
    client_id: &str,
    secret: Option<&SecretString>,
    grant: Grant,
    classify: impl Fn(u16, &[u8]) -> CallError,
) -> Result<Granted, CallError> {
    if !may_call(endpoint) {
        return Err(neither(side, endpoint));
    }
    let door = Door { http, side };
    let mut client: OAuthClient<EndpointNotSet> = Client::new(ClientId::new(client_id.to_owned()));
    if let Some(secret) = secret {
        client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
    }
    let client =
        client.set_auth_type(AuthType::RequestBody).set_token_uri(TokenUrl::from_url(endpoint.clone()));
    let answer = match grant {
        Grant::ClientCredentials => client.exchange_client_credentials().request_async(&door).await,
        Grant::RefreshToken(token) => {
            let token = RefreshToken::new(token.expose_secret().to_owned());
            client.exchange_refresh_token(&token).request_async(&door).await
        }
        Grant::Code(code, Expected { callback, verifier, .. }) => {
            let code = AuthorizationCode::new(code.expose_secret().to_owned());
            let request = client.exchange_code(code).set_pkce_verifier(verifier);
            request.set_redirect_uri(Cow::Owned(callback)).request_async(&door).await
        }
        Grant::JwtBearer(assertion) => {
            let form =
                [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", &assertion)];
            let answer = http.send(http.request(Method::POST, endpoint.clone()).form(&form), false).await?;
            if !answer.status.is_success() {
                return Err(classify(answer.status.as_u16(), &answer.body));
            }
            let parsed = serde_json::from_slice::<TokenAnswer>(&answer.body);
            return parsed.map(granted).map_err(|_| unreadable(side));
        }
    };
    answer.map(granted).map_err(|error| match error {
        RequestTokenError::Request(Refused::Call(error)) => *error,
        RequestTokenError::Request(Refused::Answer(status, body)) => classify(status, &body),
        RequestTokenError::Request(Refused::Http(error)) => stop(side, error.to_string()),
        RequestTokenError::ServerResponse(answer) => {
            classify(400, serde_json::to_vec(&answer).unwrap_or_default().as_slice())
        }
        // Its text may hold the answer's body, and so a token.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => unreadable(side),
    })
}

fn granted(answer: TokenAnswer) -> Granted {
    Granted {
        access_token: SecretString::from(answer.access_token().secret().clone()),
        refresh_token: answer.refresh_token().map(|token| SecretString::from(token.secret().clone())),
        expires_in: answer.expires_in(),
        extra: answer.extra_fields().fields.clone(),
    }
}

/// Our HTTP client, as the crate wants one.
struct Door<'a> {
    http: &'a Http,
    side: Side,
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Call(Box<CallError>),
    #[error("HTTP status {0}")]
    Answer(u16, Vec<u8>),
    #[error(transparent)]
    Http(#[from] ::http::Error),
}

impl<'c> AsyncHttpClient<'c> for Door<'_> {
    type Error = Refused;
    type Future = futures_util::future::BoxFuture<'c, Result<HttpResponse, Refused>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let url = parts.uri.to_string().parse();
            let url = url.map_err(|_| Refused::Call(Box::new(unreadable(self.side))))?;
            let request = self.http.request(parts.method, url).headers(parts.headers).body(body);
            let answer =
                self.http.send(request, false).await.map_err(|error| Refused::Call(Box::new(error)))?;
            if !answer.status.is_success() {
                return Err(Refused::Answer(answer.status.as_u16(), answer.body.to_vec()));
            }
            let mut response = ::http::Response::builder().status(answer.status);
            if let Some(headers) = response.headers_mut() {
                *headers = answer.headers;
            }
            Ok(response.body(answer.body.to_vec())?)
        })
    }
}

fn unreadable(side: Side) -> CallError {
    http::bad_answer(side, None, "the token endpoint's answer holds no token".to_owned(), false)
}

fn neither(side: Side, endpoint: &Url) -> CallError {
    stop(side, format!("{endpoint} is neither https nor on loopback"))
}

fn stop(side: Side, message: String) -> CallError {
    CallError {
        side,
        status: None,
        code: "cannot-sign-in".to_owned(),
        message,
        fields: Vec::new(),
        retry: Retry::Stop,
        effect: Effect::None,
    }
}
