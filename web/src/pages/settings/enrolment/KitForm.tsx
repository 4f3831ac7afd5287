// SPDX-License-Identifier: Apache-2.0
// The kit that an agent needs to enrol: which agent, where it reaches the server, how it starts.

import { Alert, Button, Code, Radio, Stack, Text, TextInput } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { type FormEvent, type ReactNode, useState } from 'react';
import { asProblem } from '@/api/problem';
import type { EnrollmentKitRequest, KitAgent } from '@/api/schema';
import { FormProblem } from '../FormProblem';
import { sameKit, saveKit, useKit } from './data';

/** Where a kit lies on hosts unless told otherwise. */
const INSTALL_DIR = '/etc/mimir-kit';
const FIELDS = ['agent_address', 'install_dir', 'secret', 'secret_name', 'max_uses'];

/** What is asked besides the agent: a secret that is known, or a new one. */
export type KitSecret = Pick<EnrollmentKitRequest, 'secret' | 'secret_name' | 'max_uses'>;

/** The form; `secretFields` are drawn above the address, given what was refused at each. */
export function KitForm({
  secret,
  secretFields,
}: {
  secret: KitSecret;
  secretFields?: (refused: (field: string) => string | undefined) => ReactNode;
}) {
  const kit = useKit();
  const [agent, setAgent] = useState<KitAgent>('osqueryd');
  const [address, setAddress] = useState('');
  const [dir, setDir] = useState('');
  const problem = kit.error ? asProblem(kit.error) : undefined;
  const refused = (field: string) => problem?.field(field);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body: EnrollmentKitRequest = { agent, ...secret };
    if (address.trim()) body.agent_address = address.trim();
    if (dir.trim()) body.install_dir = dir.trim();
    // Whoever asks again for the same kit gets the same file, and no second secret.
    if (kit.data && sameKit(kit.variables, body)) saveKit(kit.data, agent);
    else kit.mutate(body);
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Radio.Group
          label="Agent"
          value={agent}
          onChange={(value) => {
            setAgent(value as KitAgent);
            kit.reset();
          }}
        >
          <Stack gap={6} mt={6}>
            <Radio
              value="osqueryd"
              label="osqueryd"
              description="The stock agent of osquery, on any system."
            />
            <Radio
              value="mimir-agent"
              label="mimir-agent"
              description="Mimir’s own agent, for Linux hosts without osqueryd."
            />
          </Stack>
        </Radio.Group>
        {secretFields?.(refused)}
        <TextInput
          label="Address for agents"
          description="HOST:PORT as hosts reach this server; its public address when left empty."
          placeholder="mimir.example:8443"
          value={address}
          onChange={(event) => setAddress(event.currentTarget.value)}
          error={refused('agent_address')}
        />
        <TextInput
          label="Directory on hosts"
          description="Where you will put the kit on each host."
          placeholder={INSTALL_DIR}
          value={dir}
          onChange={(event) => setDir(event.currentTarget.value)}
          error={refused('install_dir')}
        />
        <FormProblem error={kit.error} fields={FIELDS} />
        <Button
          type="submit"
          leftSection={<IconDownload size={18} />}
          loading={kit.isPending}
          style={{ alignSelf: 'flex-start' }}
        >
          Download kit
        </Button>
        {kit.isSuccess && <NextSteps agent={agent} dir={dir.trim() || INSTALL_DIR} />}
      </Stack>
    </form>
  );
}

function NextSteps({ agent, dir }: { agent: KitAgent; dir: string }) {
  const file = `mimir-kit-${agent}.tar.gz`;
  return (
    <Alert color="green" role="status" title="The kit is downloaded">
      <Stack gap="xs">
        <Text size="sm">
          It holds the secret: whoever has it can add hosts. It does not hold the agent: copy it to
          each host where {agent} is installed, and there, as root:
        </Text>
        <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
          {`mkdir -p ${dir} && tar xzf ${file} -C ${dir} --strip-components=1\n${dir}/start.sh`}
        </Code>
        <Text size="sm">
          The host then appears under Hosts. <Code>README.txt</Code> in the kit says how to run the
          agent as a service.
        </Text>
      </Stack>
    </Alert>
  );
}
