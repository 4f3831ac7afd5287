// SPDX-License-Identifier: Apache-2.0
//! Exports: all rows of a campaign, streamed in constant memory from one snapshot.

use std::io::Write;
use std::sync::Arc;

use mimir_store::{DbError, audit, responses};
use mimir_wire::ids::CampaignId;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::campaigns::record;
use crate::app::{App, Caller, audit_target};
use crate::export::{ExportError, ExportSummary, Format, RowExport, exporter};
use crate::problem::{ApiError, ApiResult};
use crate::rows::decode;

/// Responses fetched in one step.
const RESPONSES_STEP: u64 = 256;

/// An export that has been recorded and may begin.
#[derive(Debug, Clone)]
pub struct Export {
    /// The campaign's number.
    pub campaign_no: i64,
    /// A name for the file, without risky characters.
    pub file_name: String,
    /// The format.
    pub format: Format,
    /// Whether the file has not all columns that rows have: NDJSON always has them all.
    pub columns_cut: bool,
    columns: Vec<String>,
    /// Held until the export has been written.
    _slot: Arc<OwnedSemaphorePermit>,
    /// Responses before this sequence are exported: those that came since are not half in it.
    end: i64,
}

/// Records an export and prepares it.
///
/// # Errors
/// `not_found`; `conflict` when the rows were dropped; `invalid_request` for an unknown format;
/// `unavailable` when as many exports are being written as may be.
pub async fn begin(
    app: &Arc<App>,
    caller: Caller,
    id: CampaignId,
    format: &str,
) -> ApiResult<Export> {
    let format = Format::from_name(format)
        .ok_or_else(|| ApiError::field("format", "Give csv, ndjson or parquet."))?;
    let slot = Arc::clone(&app.export_slots).try_acquire_owned().map_err(|_| {
        let detail = "As many exports as the server allows are being written; try again soon.";
        ApiError { retry_after_s: Some(10), ..ApiError::unavailable(detail) }
    })?;
    let slot = Arc::new(slot);
    let now = app.clock.now();
    app.write(move |tx| {
        let campaign = record(tx, id)?;
        if campaign.rows_dropped {
            return Err(ApiError::conflict("The rows of this campaign were dropped."));
        }
        let (columns, more) = responses::columns_and_more(tx, campaign.no, None)?;
        let columns_cut = more && format != Format::Ndjson;
        let target = audit_target("campaign", id, &campaign.name);
        let details = json!({"format": format.name(), "columns_cut": columns_cut,
            "rows": campaign.ledger.coverage.rows_stored});
        audit::append(tx, &caller.entry("campaign.export", target, details), now)?;
        let kept = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        let name: String = campaign.name.chars().map(kept).take(60).collect();
        Ok(Export {
            campaign_no: campaign.no,
            file_name: format!("{}.{}", name.trim_matches('-'), format.name()),
            format,
            columns_cut,
            columns,
            end: campaign.next_seq,
            _slot: Arc::clone(&slot),
        })
    })
    .await
}

/// Writes the export. Blocking; each step reads from the database anew, so that a slow receiver
/// holds no snapshot open. Responses never change once stored, and none is removed but by
/// drop-rows, which ends the export with an error rather than with a short file.
///
/// # Errors
/// When the receiver is gone, the database fails, or the rows are dropped meanwhile.
pub fn write(app: &App, export: &Export, out: impl Write + Send) -> Result<(), ExportError> {
    let mut sink = exporter(export.format, out);
    sink.begin(&export.columns)?;
    let (no, mut seq) = (export.campaign_no, 0);
    let other = |error: DbError| ExportError::Write(std::io::Error::other(error));
    loop {
        let found = app.db.read(move |tx| responses::with_rows(tx, no, seq, RESPONSES_STEP));
        let found = found.map_err(other)?;
        for response in &found {
            if response.seq >= export.end {
                return finish(sink);
            }
            export_response(app, no, response, sink.as_mut())?;
        }
        let Some(last) = found.last() else { return finish(sink) };
        seq = last.seq + 1;
    }
}

fn finish(sink: Box<dyn RowExport + '_>) -> Result<(), ExportError> {
    let summary = sink.finish()?;
    if summary.cells_left_out > 0 {
        let ExportSummary { rows, cells_left_out } = summary;
        tracing::warn!(rows, cells_left_out, "an export has not all cells: too many columns");
    }
    Ok(())
}

fn export_response(
    app: &App,
    no: i64,
    response: &responses::ResponseRecord,
    sink: &mut dyn RowExport,
) -> Result<(), ExportError> {
    let (seq, host_id) = (response.seq, response.host_id.to_string());
    let mut from = 0;
    while u64::try_from(from).unwrap_or_default() < response.stored_rows {
        let chunks = app.db.read(move |tx| responses::chunks(tx, no, seq, from, 4));
        let chunks =
            chunks.map_err(|error: DbError| ExportError::Write(std::io::Error::other(error)))?;
        let Some(last) = chunks.last() else { break };
        let next = last.first_row + last.row_count;
        for chunk in &chunks {
            for line in decode(&chunk.data)?.lines() {
                sink.row(&host_id, &response.hostname, line)?;
            }
        }
        from = next;
    }
    if u64::try_from(from).unwrap_or_default() < response.stored_rows {
        let gone = "rows were dropped while they were exported";
        return Err(ExportError::Write(std::io::Error::other(gone)));
    }
    Ok(())
}
