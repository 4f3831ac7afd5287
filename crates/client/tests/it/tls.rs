// SPDX-License-Identifier: Apache-2.0
//! Which certificates are accepted.

use std::error::Error;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use mimir_client::{Client, ClientError};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use crate::scripted::{json, read_request};

/// A TLS server for `names` that answers each connection with 200; its certificate as PEM.
fn serve(names: &[&str]) -> (SocketAddr, String) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let pem = certificate.pem();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut socket = stream.unwrap();
            let mut tls = ServerConnection::new(Arc::new(config.clone())).unwrap();
            if tls.complete_io(&mut socket).is_err() {
                continue;
            }
            let mut stream = Stream::new(&mut tls, &mut socket);
            read_request(&mut stream);
            stream.write_all(&json("{}")).unwrap();
            tls.send_close_notify();
            let _ = tls.complete_io(&mut socket);
        }
    });
    (address, pem)
}

fn ask(address: SocketAddr, ca: &str) -> Result<u16, ClientError> {
    let client = Client::builder(&format!("https://{address}")).ca_pem(ca).build().unwrap();
    client.request("GET", "/healthz", None).map(|answer| answer.status)
}

fn chain(error: &dyn Error) -> String {
    let below = error.source().map(chain).unwrap_or_default();
    format!("{error}: {below}")
}

#[test]
fn a_server_is_trusted_by_the_certificate_it_was_pinned_to() {
    let (address, pem) = serve(&["127.0.0.1", "localhost"]);
    assert_eq!(ask(address, &pem).unwrap(), 200);
}

#[test]
fn another_certificate_is_refused_with_advice() {
    let (address, _) = serve(&["127.0.0.1"]);
    let (_, other) = serve(&["127.0.0.1"]);
    let error = chain(&ask(address, &other).unwrap_err());
    assert!(error.contains("name the CA certificate"), "{error}");
}

#[test]
fn another_name_is_refused() {
    let (address, pem) = serve(&["elsewhere.example"]);
    let error = chain(&ask(address, &pem).unwrap_err());
    assert!(error.contains("for another name"), "{error}");
}
