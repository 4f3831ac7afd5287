// SPDX-License-Identifier: Apache-2.0
// What a campaign needs besides SQL and target.

import { Group, NumberInput, TextInput } from '@mantine/core';
import type { LaunchRequest, Target } from '@/api/schema';

/** Minutes of a live window when nobody says otherwise, and its bounds. */
export const WINDOW_MINUTES = { usual: 10, min: 1, max: 1_440 } as const;
/** Characters of a campaign's name. */
const NAME_CHARS_MAX = 200;

/** Live window and name, as they are typed. */
export interface LaunchOptions {
  /** A text while it is no number. */
  minutes: number | string;
  name: string;
}

/** What they are at first. */
export const USUAL_OPTIONS: LaunchOptions = { minutes: WINDOW_MINUTES.usual, name: '' };

/** What is wrong with the minutes, if anything. */
export function windowProblem({ minutes }: LaunchOptions): string | undefined {
  const { min, max } = WINDOW_MINUTES;
  const isWhole = typeof minutes === 'number' && Number.isInteger(minutes);
  return isWhole && minutes >= min && minutes <= max
    ? undefined
    : `Give a whole number of minutes from ${min} to ${max}.`;
}

/** What is sent. */
export function launchRequest(
  sql: string,
  target: Target,
  { minutes, name }: LaunchOptions,
): LaunchRequest {
  return {
    sql,
    target,
    live_window_minutes: Number(minutes),
    name: name.trim() || null,
    saved_query_id: null,
    use_saved_target: null,
  };
}

/** Fields **Live window (minutes)** and **Campaign name**. */
export function LaunchFields({
  options,
  onChange,
  errors,
  disabled,
}: {
  options: LaunchOptions;
  onChange: (options: LaunchOptions) => void;
  errors: { window?: string; name?: string };
  disabled?: boolean;
}) {
  return (
    <Group gap="md" align="flex-start">
      <NumberInput
        label="Live window (minutes)"
        w={190}
        min={WINDOW_MINUTES.min}
        max={WINDOW_MINUTES.max}
        clampBehavior="none"
        allowDecimal={false}
        allowNegative={false}
        disabled={disabled}
        value={options.minutes}
        error={windowProblem(options) ?? errors.window}
        onChange={(minutes) => onChange({ ...options, minutes })}
      />
      <TextInput
        label="Campaign name (optional)"
        placeholder="Made from the SQL and the time"
        flex={1}
        miw={220}
        maxLength={NAME_CHARS_MAX}
        disabled={disabled}
        value={options.name}
        error={errors.name}
        onChange={(event) => onChange({ ...options, name: event.currentTarget.value })}
      />
    </Group>
  );
}
