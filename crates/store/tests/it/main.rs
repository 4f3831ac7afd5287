// SPDX-License-Identifier: Apache-2.0
//! The conformance suite: every function of every noun on both engines, negative cases too; and
//! the database layer below them (`db_…`).

mod accounts;
mod assignments;
mod audit;
mod campaigns;
mod changes;
mod db_files;
mod db_group_commit;
mod db_many;
mod db_migrate;
mod db_postgres;
mod db_support;
mod db_transactions;
mod db_values;
mod enrolment;
mod given;
mod hosts;
mod indicators;
mod ledger_batches;
mod ledger_random;
mod parallel;
mod responses;
mod saved_queries;
mod small_nouns;
mod statements;
