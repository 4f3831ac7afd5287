// SPDX-License-Identifier: Apache-2.0
// Settings that are being edited: what differs from those in force, and what is wrong with it.
// Pure.

import type { SettingDescription, Settings, SettingsPatch } from '@/api/schema';
import { count } from '@/lib/format';

/** A setting's name. */
export type SettingName = keyof Settings;
/** What fields hold; a number that is half typed is a text. */
export type Value = boolean | number | string | readonly string[];
/** Edited members only. */
export type Draft = Readonly<Partial<Record<SettingName, Value>>>;

function isSame(one: Value | undefined, other: Value | undefined): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  // Lists of names are sets: their order means nothing.
  return one.length === other.length && one.every((name) => other.includes(name));
}

/** The draft with one member changed; a member that is what is in force leaves it. */
export function changed(draft: Draft, inForce: Settings, name: SettingName, value: Value): Draft {
  const { [name]: _, ...rest } = draft;
  return isSame(value, inForce[name]) ? rest : { ...rest, [name]: value };
}

/** What is to be sent: members that differ from what is in force now. */
export function toPatch(draft: Draft, inForce: Settings): Partial<SettingsPatch> {
  const members = Object.entries(draft).filter(
    ([name, value]) => !isSame(value, inForce[name as SettingName]),
  );
  return Object.fromEntries(members);
}

/** What is wrong with a value, in a sentence; `undefined` when nothing is. */
export function wrong(description: SettingDescription, value: Value): string | undefined {
  const { kind, min, max } = description;
  if (kind !== 'integer') return undefined;
  const fits =
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= (min ?? 0) &&
    value <= (max ?? Number.MAX_SAFE_INTEGER);
  return fits ? undefined : `Give a whole number from ${bounds(description)}.`;
}

/** `1 to 1,000`. */
export function bounds({ min, max }: SettingDescription): string {
  return max === null ? `${count(min ?? 0)} up` : `${count(min ?? 0)} to ${count(max)}`;
}

/** Names of the default list that the edited one lacks. */
export function missingDefaults(description: SettingDescription, value: readonly string[]) {
  const defaults = Array.isArray(description.default) ? (description.default as string[]) : [];
  return defaults.filter((name) => !value.includes(name));
}
