// SPDX-License-Identifier: Apache-2.0
// What an account may do: its role, and what it may do beyond it.

import { Checkbox, Radio, Stack } from '@mantine/core';
import type { Capability, Role } from '@/api/schema';

/** What is chosen. */
export interface Rights {
  role: Role;
  capabilities: readonly Capability[];
}

const FLEET_HUNTS: Capability = 'can_launch_fleet_hunts';

/** Role and capability; an administrator needs no capability. */
export function RoleFields({
  rights,
  onChange,
  error,
}: {
  rights: Rights;
  onChange: (next: Rights) => void;
  error?: string;
}) {
  return (
    <Stack gap="sm">
      <Radio.Group
        label="Role"
        value={rights.role}
        onChange={(role) => onChange({ ...rights, role: role as Role })}
        error={error}
      >
        <Stack gap={6} mt={6}>
          <Radio
            value="operator"
            label="Operator"
            description="Reads everything but users, enrolment and the audit trail; exports results; hunts on selected hosts."
          />
          <Radio
            value="admin"
            label="Administrator"
            description="Queries, launches and stops campaigns, changes settings, users, secrets and the deny-list, reads the audit trail."
          />
        </Stack>
      </Radio.Group>
      <Checkbox
        label="May hunt fleet-wide"
        description={
          rights.role === 'admin'
            ? 'Administrators may anyway.'
            : 'Without it an operator’s hunt has a cap of hosts (see General).'
        }
        disabled={rights.role === 'admin'}
        checked={rights.role === 'admin' || rights.capabilities.includes(FLEET_HUNTS)}
        onChange={(event) =>
          onChange({ ...rights, capabilities: event.currentTarget.checked ? [FLEET_HUNTS] : [] })
        }
      />
    </Stack>
  );
}
