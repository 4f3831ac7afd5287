// SPDX-License-Identifier: Apache-2.0
//! Enrolment secrets and kits.

use mimir_wire::api::enrollment::{
    CreatedEnrollmentSecret, EnrollmentKitRequest, EnrollmentSecret, NewEnrollmentSecret,
};
use mimir_wire::api::page::Page;
use mimir_wire::ids::EnrollmentSecretId;

use super::API;
use crate::error::ClientError;
use crate::list::List;
use crate::params::Params;
use crate::transport::Client;

impl Client {
    /// Lists enrolment secrets, without their values.
    pub fn enrollment_secrets(&self) -> List<Page<EnrollmentSecret>> {
        List::new(self, format!("{API}/enrollment-secrets"), Params::default())
    }

    /// Makes an enrolment secret; its value is in this answer and never again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn create_enrollment_secret(
        &self,
        request: &NewEnrollmentSecret,
    ) -> Result<CreatedEnrollmentSecret, ClientError> {
        self.call("POST", &format!("{API}/enrollment-secrets"), Some(request))
    }

    /// A kit with which an agent enrols: the bytes of a gzipped tar.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn enrollment_kit(&self, request: &EnrollmentKitRequest) -> Result<Vec<u8>, ClientError> {
        let path = format!("{API}/enrollment-kits");
        Ok(self.exchange("POST", &path, &[], Some(request))?.body)
    }

    /// Makes an enrolment secret worthless; hosts that enrolled with it stay.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn revoke_enrollment_secret(
        &self,
        id: EnrollmentSecretId,
    ) -> Result<EnrollmentSecret, ClientError> {
        self.act(&format!("{API}/enrollment-secrets/{id}/revoke"))
    }
}
