// SPDX-License-Identifier: Apache-2.0
//! The rules of the tree, as tests: what a reviewer would otherwise have to watch for.

mod tidy;
