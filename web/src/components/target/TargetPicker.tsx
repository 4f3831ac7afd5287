// SPDX-License-Identifier: Apache-2.0
// Whom to ask: the fleet, hosts by name, or operating systems.

import { Checkbox, Group, Input, SegmentedControl, Stack } from '@mantine/core';
import { type ReactNode, useId, useRef } from 'react';
import type { Target } from '@/api/schema';
import { HostPicker } from './HostPicker';
import { TargetCounts } from './TargetCounts';
import { FLEET, PLATFORMS } from './target';

const KINDS = [
  { value: 'all', label: 'Fleet' },
  { value: 'hosts', label: 'Single host' },
  { value: 'os_in', label: 'By OS' },
] satisfies { value: Target['type']; label: string }[];

const NAMES = { linux: 'Linux', darwin: 'macOS', windows: 'Windows' };

/** What the picker is given. */
export interface TargetPickerProps {
  target: Target;
  onChange: (target: Target) => void;
  /** What is wrong with the target, in the server's words; shown right below. */
  error?: ReactNode;
  disabled?: boolean;
  label?: string;
}

/** The choice, and how many hosts it names now. What was chosen of one kind is kept for a return. */
export function TargetPicker({
  target,
  onChange,
  error,
  disabled,
  label = 'Target',
}: TargetPickerProps) {
  const id = useId();
  const before = useRef<Partial<Record<Target['type'], Target>>>({});
  const choose = (kind: string) => {
    before.current[target.type] = target;
    const empty: Record<string, Target> = {
      all: FLEET,
      hosts: { type: 'hosts', host_ids: [] },
      os_in: { type: 'os_in', platforms: [] },
    };
    onChange(before.current[kind as Target['type']] ?? empty[kind] ?? FLEET);
  };
  return (
    <Input.Wrapper
      label={label}
      labelElement="div"
      labelProps={{ id }}
      error={error}
      errorProps={{ role: 'alert', fz: 'sm', mt: 6 }}
    >
      <Stack gap="xs">
        <Group gap="md" align="center">
          <SegmentedControl
            aria-labelledby={id}
            size="sm"
            data={KINDS}
            value={target.type}
            onChange={choose}
            disabled={disabled}
          />
          <TargetCounts target={target} />
        </Group>
        {target.type === 'hosts' && (
          <HostPicker
            ids={target.host_ids}
            disabled={disabled}
            onChange={(host_ids) => onChange({ type: 'hosts', host_ids })}
          />
        )}
        {target.type === 'os_in' && (
          <Checkbox.Group
            aria-label="Operating systems"
            value={target.platforms}
            onChange={(chosen) =>
              onChange({ type: 'os_in', platforms: PLATFORMS.filter((p) => chosen.includes(p)) })
            }
          >
            <Group gap="md">
              {PLATFORMS.map((platform) => (
                <Checkbox
                  key={platform}
                  value={platform}
                  label={NAMES[platform]}
                  disabled={disabled}
                />
              ))}
            </Group>
          </Checkbox.Group>
        )}
      </Stack>
    </Input.Wrapper>
  );
}
