// SPDX-License-Identifier: Apache-2.0
// Sentences about a campaign. Pure: the time now is an argument.

import type { Assignment, Campaign, Completion, Coverage, StopCode } from '@/api/schema';
import { count, counted, duration, percent } from '@/lib/format';

/** Hosts that have not answered and still may: not handed out yet, or handed out. */
export function waiting(coverage: Coverage): number {
  return coverage.pending + coverage.offered;
}

/** Who answered, in one line. */
export function answeredLine({ responded, targeted }: Coverage): string {
  if (targeted === 0) return 'No host was targeted.';
  const hosts = counted(targeted, 'host');
  let who = `${count(responded)} of ${hosts}`;
  if (responded === targeted) who = targeted === 1 ? 'The only host' : `All ${hosts}`;
  return `${who} answered (${percent(responded, targeted)})`;
}

/** Why an assignment stands where it stands, in words; unknown reasons as they are. */
export function reasonWords(reason: string | null): string {
  switch (reason) {
    case null:
      return '';
    case 'stopped':
      return 'the campaign was stopped';
    case 'auto_stopped':
      return 'the campaign stopped itself';
    case 'decommissioned':
      return 'the host was decommissioned';
    case 'blocked_sql':
      return 'refused by the deny-list';
    case 'no_answer_after_3_offers':
      return 'handed out three times, never answered';
    default:
      return reason.replaceAll('_', ' ');
  }
}

/** Why a host has not answered. */
export function waitingWords({
  state,
  host_status,
}: Pick<Assignment, 'state' | 'host_status'>): string {
  const silent = host_status === 'stale' || host_status === 'offline';
  if (state === 'offered') return silent ? 'handed out, then silent' : 'handed out, no answer yet';
  return silent ? 'silent, not asked yet' : 'in contact, not asked yet';
}

/** What became of answers that were on their way when the campaign was stopped. */
export function inFlightWords(
  { discard_in_flight, stop_code }: { discard_in_flight: boolean; stop_code: StopCode | null },
  graceMinutes: number | undefined,
): string {
  if (stop_code === 'auto_stopped_aggregate_row_cap') {
    return 'Answers that came after it are counted as rejected and not stored.';
  }
  if (discard_in_flight) {
    return 'Results in flight are discarded: answers that still come are counted as rejected and not stored.';
  }
  const grace = graceMinutes === undefined ? 'the grace time' : duration(graceMinutes * 60_000);
  return `Hosts that had been handed the query may still answer for ${grace} after the stop; those answers are kept.`;
}

/** When shares of the hosts had answered: the completion curve for those who do not see it. */
export function milestones({ from, targeted, points }: Completion): string {
  const start = Date.parse(from);
  const last = points.at(-1);
  if (!last || last.responded === 0) return 'No host has answered yet.';
  const after = (hosts: number) => {
    const point = points.find(({ responded }) => responded >= hosts);
    return point && duration(Math.max(1_000, Date.parse(point.at) - start));
  };
  const half = after(Math.ceil(targeted / 2));
  const most = after(Math.ceil(targeted * 0.9));
  const latest = after(last.responded);
  const parts = [
    half && `half of the ${counted(targeted, 'host')} had answered within ${half}`,
    most && most !== half && `nine tenths within ${most}`,
    latest !== most && `the latest of ${counted(last.responded, 'answer')} came within ${latest}`,
  ].filter(Boolean);
  const late = last.late > 0 ? `; ${counted(last.late, 'answer')} came late` : '';
  const text = parts.join(', ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${late}.`;
}

/** What the page says about the live window. `undefined` while it is open: then it counts down. */
export function windowWords(campaign: Campaign): string | undefined {
  if (campaign.live) return undefined;
  if (campaign.status !== 'active') return 'The campaign is stopped: nothing more is handed out.';
  if (campaign.complete) return 'Every host has come to its end; nothing more is expected.';
  return 'The live window is closed: hosts that come back now are still asked, and their answers are marked late.';
}
