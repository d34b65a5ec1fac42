//! Upstreams over TLS: the provider's key goes to nobody who cannot show who they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use botwarden_testkit::{Client, FakeUpstream, Gateway, GatewayBuilder};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::{ANSWER, ASK, ASK_STREAM, CHAT, EVENTS, PROVIDER_KEY, well};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/tls").join(name)
}

/// Ends TLS before `upstream`, with this certificate; returns where.
async fn terminator(certificate: &str, upstream: &FakeUpstream) -> String {
    let chain = vec![CertificateDer::from_pem_file(file(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let settings = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(settings));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = upstream.url().replace("http://", "").replace("/v1", "");
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // A gateway that does not trust us ends the handshake.
                let Ok(mut tls) = acceptor.accept(socket).await else { return };
                let mut plain = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
            });
        }
    });
    format!("https://127.0.0.1:{port}/v1")
}

/// A gateway whose bot trusts `authority` alone, or the system's where there is none.
async fn gateway(url: &str, authority: Option<&str>) -> Gateway {
    let authority = authority.map_or(String::new(), |name| format!(", ca_file = {:?}", file(name)));
    GatewayBuilder::new(env!("CARGO_BIN_EXE_botwarden"))
        .toml(&format!(
            "[[bot]]\nname = \"shop\"\nmodels = [\"*\"]\n\
             upstream = {{ dialect = \"openai\", url = \"{url}\", key = {{ env = \"PROVIDER_KEY\" }}{authority} }}\n"
        ))
        .env("PROVIDER_KEY", PROVIDER_KEY)
        .start()
        .await
}

async fn client(gateway: &Gateway) -> Client {
    let key = gateway.key("shop", &["chat"]).await;
    Client::connect(gateway.gateway, Some(&key)).await
}

#[tokio::test]
async fn an_upstream_that_shows_who_it_is_is_served_over_kept_connections() {
    let upstream = FakeUpstream::start(well).await;
    let gateway = gateway(&terminator("server.pem", &upstream).await, Some("ca.pem")).await;
    let mut client = client(&gateway).await;
    for (body, answer) in [(ASK, ANSWER), (ASK_STREAM, &EVENTS.concat()), (ASK, ANSWER)] {
        let reply = client.post(CHAT, body).await;
        assert_eq!((reply.decision(), reply.text()), ((200, "allowed"), answer));
    }
    assert_eq!(upstream.connections(), 1);
    assert_eq!(upstream.recorded()[0].headers["authorization"], format!("Bearer {PROVIDER_KEY}"));
    let large = format!(r#"{{"model":"gpt-4o","messages":[],"x":"{}"}}"#, "y".repeat(3 << 20));
    assert_eq!(client.post(CHAT, large.clone()).await.decision(), (200, "allowed"));
    assert_eq!(upstream.recorded().pop().unwrap().body, large);
}

#[tokio::test]
async fn an_upstream_that_cannot_show_who_it_is_is_asked_nothing() {
    for (name, certificate, authority) in [
        ("another authority", "server.pem", Some("other.pem")),
        ("none of the system's", "server.pem", None),
        ("another host", "elsewhere.pem", Some("ca.pem")),
        ("out of date", "expired.pem", Some("ca.pem")),
    ] {
        let upstream = FakeUpstream::start(well).await;
        let gateway = gateway(&terminator(certificate, &upstream).await, authority).await;
        let reply = client(&gateway).await.post(CHAT, ASK).await;
        assert_eq!(reply.decision(), (502, "upstream-unreachable"), "{name}");
        assert_eq!((upstream.connections(), upstream.requests()), (0, 0), "{name}");
    }
}

#[tokio::test]
async fn an_upstream_without_tls_is_not_spoken_to_without_it() {
    let upstream = FakeUpstream::start(well).await;
    let gateway = gateway(&upstream.url().replace("http://", "https://"), Some("ca.pem")).await;
    let reply = client(&gateway).await.post(CHAT, ASK).await;
    assert_eq!(reply.decision(), (502, "upstream-unreachable"));
    assert_eq!(upstream.requests(), 0);
}
