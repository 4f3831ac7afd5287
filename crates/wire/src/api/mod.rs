// SPDX-License-Identifier: Apache-2.0
//! Bodies of Mimir's HTTP API.
