// SPDX-License-Identifier: Apache-2.0
// Verifying the chain of hashes, and what came of it.

import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconShieldCheck } from '@tabler/icons-react';
import type { UseMutationResult } from '@tanstack/react-query';
import type { AuditVerification } from '@/api/schema';
import { Hash } from '@/components/Copy';
import { AnchorLink } from '@/components/links';
import { Failure } from '@/components/states';
import { count, counted } from '@/lib/format';

type Verification = UseMutationResult<AuditVerification, Error, void>;

/** Starts it. */
export function VerifyButton({ verification }: { verification: Verification }) {
  return (
    <Button
      leftSection={<IconShieldCheck size={18} />}
      loading={verification.isPending}
      onClick={() => verification.mutate()}
    >
      Verify chain
    </Button>
  );
}

/** What came of it; nothing before it was started. */
export function VerifyResult({ verification }: { verification: Verification }) {
  if (verification.error) {
    return <Failure error={verification.error} retry={() => verification.mutate()} />;
  }
  const result = verification.data;
  if (!result) return null;
  return result.ok ? <Good result={result} /> : <Bad result={result} />;
}

function Head({ result }: { result: AuditVerification }) {
  if (!result.head) return null;
  return (
    <Group gap={6}>
      <Text size="sm">Hash of the last entry:</Text>
      <Hash value={result.head} label="the hash of the last entry" />
    </Group>
  );
}

function Good({ result }: { result: AuditVerification }) {
  return (
    <Alert role="status" color="green" icon={<IconShieldCheck />} title="The chain is whole">
      <Stack gap="xs">
        <Text size="sm">
          {counted(result.entries, 'entry', 'entries')} looked at; each fits the one before it. Keep
          the hash of the last entry elsewhere: it shows later whether the end was cut off.
        </Text>
        <Head result={result} />
      </Stack>
    </Alert>
  );
}

function Bad({ result }: { result: AuditVerification }) {
  return (
    <Alert role="alert" color="red" icon={<IconAlertTriangle />} title="The chain is broken">
      <Stack gap="xs">
        <Text size="sm" className="prose">
          {result.first_bad ? (
            <>
              Entry{' '}
              <AnchorLink to="/audit" search={{ entry: result.first_bad }} inherit>
                {result.first_bad}
              </AnchorLink>{' '}
              is the first that does not fit
            </>
          ) : (
            'The entries do not fit'
          )}
          , of {count(result.entries)} looked at. Something changed the store without the server.
          Keep a copy of the database as it is, compare it with a backup, and look at who has access
          to it.
        </Text>
        <Head result={result} />
      </Stack>
    </Alert>
  );
}
