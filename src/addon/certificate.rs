//! Certificates for servers that the API server calls.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde::Serialize;
use serde_json::Value;

use crate::secret::Secret;

/// Every part as Secrets and webhook configurations contain it: PEM in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Certificate {
    /// The certificate of the authority. Its key is not kept.
    pub ca: String,
    pub certificate: String,
    #[serde(serialize_with = "Secret::serialize_revealed")]
    pub key: Secret,
}

impl Certificate {
    /// A new certificate for these DNS names. It does not expire as long as the
    /// cluster exists.
    ///
    /// # Errors
    /// Returns a sentence if a name is not a valid DNS name.
    pub(super) fn new(names: &[String]) -> Result<Certificate, String> {
        let make = || {
            let mut params = CertificateParams::new(Vec::new())?;
            params.distinguished_name.push(DnType::CommonName, "skiff add-on");
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            let authority = KeyPair::generate()?;
            let ca = params.self_signed(&authority)?;
            let issuer = Issuer::new(params, authority);
            let mut params = CertificateParams::new(names)?;
            let common = names.first().map_or("server", String::as_str);
            params.distinguished_name.push(DnType::CommonName, common);
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &issuer)?;
            Ok::<_, rcgen::Error>(Certificate {
                ca: BASE64.encode(ca.pem()),
                certificate: BASE64.encode(certificate.pem()),
                key: Secret::new(BASE64.encode(key.serialize_pem())),
            })
        };
        make().map_err(|e| e.to_string())
    }

    /// The certificate in a Secret; `None` if a part of it is missing.
    pub(super) fn from_secret(secret: &Value) -> Option<Certificate> {
        let part = |name: &str| Some(secret["data"][name].as_str()?.to_owned());
        Some(Certificate {
            ca: part("ca.crt")?,
            certificate: part("tls.crt")?,
            key: Secret::new(part("tls.key")?),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_certificate_is_for_its_names() {
        let made = Certificate::new(&["a.b.svc".to_owned()]).unwrap();
        let pem = |text: &str| String::from_utf8(BASE64.decode(text).unwrap()).unwrap();
        assert!(pem(&made.ca).starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(pem(made.key.reveal()).contains("PRIVATE KEY"));
        let der = der_of(&pem(&made.certificate));
        assert!(der.windows(7).any(|w| w == b"a.b.svc"));
        assert!(Certificate::new(&["ü".to_owned()]).is_err());
    }

    fn der_of(pem: &str) -> Vec<u8> {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        BASE64.decode(body).unwrap()
    }

    #[test]
    fn a_certificate_is_read_from_its_secret() {
        let secret = json!({"data": {"ca.crt": "QQ==", "tls.crt": "Qg==", "tls.key": "Qw=="}});
        assert_eq!(Certificate::from_secret(&secret).unwrap().key.reveal(), "Qw==");
        assert_eq!(Certificate::from_secret(&json!({"data": {"tls.crt": "Qg=="}})), None);
    }
}
