// SPDX-License-Identifier: Apache-2.0
// Launching a campaign, once however often the request is repeated, and going to its page.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useRef } from 'react';
import { http, unwrap } from '@/api/client';
import { asProblem } from '@/api/problem';
import type { LaunchRequest } from '@/api/schema';
import { counted } from '@/lib/format';
import { notifyDone } from '@/lib/notify';

/** A request whose fate is not known, and the key under which it may be sent again. */
interface Pending {
  body: string;
  key: string;
}

/** 128 random bits; `crypto.randomUUID` is missing where the page is not served securely. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** `onLaunched` runs before the page moves to the campaign. */
export function useLaunch(onLaunched?: (request: LaunchRequest) => void) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const pending = useRef<Pending>(undefined);
  return useMutation({
    mutationFn: (body: LaunchRequest) => {
      const text = JSON.stringify(body);
      // The same request again after silence must not launch a second campaign.
      if (pending.current?.body !== text) pending.current = { body: text, key: newKey() };
      const header = { 'Idempotency-Key': pending.current.key };
      return unwrap(http.POST('/campaigns', { body, params: { header } }));
    },
    onError: (error) => {
      const { status } = asProblem(error);
      if (status >= 400 && status < 500) pending.current = undefined;
    },
    onSuccess: ({ campaign, dispatched_hosts }, request) => {
      pending.current = undefined;
      onLaunched?.(request);
      notifyDone(`Campaign launched: dispatched to ${counted(dispatched_hosts, 'host')}.`);
      void client.invalidateQueries({ queryKey: ['campaigns'] });
      void client.invalidateQueries({ queryKey: ['dashboard'] });
      void navigate({ to: '/campaigns/$campaignId', params: { campaignId: campaign.id } });
    },
  });
}
