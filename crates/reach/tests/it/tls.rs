//! Services over TLS: tokens and keys go to nobody who cannot show who they are. The certificates are those of the gateway's tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use botwarden_crypto::{RootProvider, SecretKey};
use botwarden_reach::{ClientError, RawSecret, RawVault, VaultConfig, VaultTransit};
use botwarden_testkit::FakeVault;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::vault::{TOKEN, Token};
use crate::{name, patience, told};

pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../botwarden/tests/gateway/tls").join(name)
}

/// Ends TLS before what listens there, with this certificate; returns the port.
pub(crate) async fn terminator(certificate: &str, behind: String) -> u16 {
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
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            tokio::spawn(async move {
                // Who does not trust us ends the handshake.
                let Ok(mut tls) = acceptor.accept(socket).await else { return };
                let mut plain = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
            });
        }
    });
    port
}

fn root(url: String, authority: PathBuf) -> Result<VaultTransit, ClientError> {
    let raw = RawVault {
        url,
        key: FakeVault::KEY.into(),
        token: RawSecret { env: Some("VAULT_TOKEN".into()), file: None },
        mount: None,
        namespace: None,
        ca_file: Some(authority),
    };
    VaultTransit::new(VaultConfig::try_from(raw).unwrap(), Arc::new(Token::new(TOKEN)), patience())
}

#[tokio::test]
async fn a_service_that_shows_who_it_is_gets_the_token_and_no_other() {
    for (what, certificate, authority, trusted) in [
        ("as it should be", "server.pem", "ca.pem", true),
        ("of an authority that is not trusted", "server.pem", "other.pem", false),
        ("of another host", "elsewhere.pem", "ca.pem", false),
        ("of another time", "expired.pem", "ca.pem", false),
    ] {
        let vault = FakeVault::start(TOKEN).await;
        let port = terminator(certificate, vault.url().replace("http://", "")).await;
        let url = format!("https://127.0.0.1:{port}");
        let key = SecretKey::generate().unwrap();
        let done = root(url, file(authority)).unwrap().wrap(name(1), &key).await;
        assert_eq!(done.is_ok(), trusted, "{what}");
        assert_eq!(vault.recorded().len(), usize::from(trusted), "{what}");
        if let Err(error) = done {
            let error = told(&error);
            assert!(error.contains("from an authority that is trusted here (`ca_file`)"), "{what}: {error}");
        }
    }
}

#[test]
fn authorities_that_cannot_be_read_are_named() {
    for (what, path) in [("missing", file("nowhere.pem")), ("no certificate", file("server.key"))] {
        let error = root("https://127.0.0.1:1".into(), path).map(drop).unwrap_err();
        assert!(matches!(error, ClientError::CaFile { .. }), "{what}: {error}");
    }
}
