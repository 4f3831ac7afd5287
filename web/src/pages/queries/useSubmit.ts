// SPDX-License-Identifier: Apache-2.0
// The one button of the page: runs the text live, or launches it as a campaign.

import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { asProblem } from '@/api/problem';
import type { LaunchRequest, Target } from '@/api/schema';
import { useIsAdmin, useUser } from '@/api/session';
import { settingsQuery } from '@/api/settings';
import {
  type LaunchOptions,
  launchRequest,
  USUAL_OPTIONS,
  windowProblem,
} from '@/components/launch/LaunchFields';
import { refusalOf } from '@/components/launch/refusal';
import { useLaunch } from '@/components/launch/useLaunch';
import { missing, OS_FILTER_SENTENCE } from '@/components/target/target';
import { useRunLive } from './data';
import { remember } from './storage';
import { ENABLE_CAMPAIGNS, RUN_ADMIN_ONLY } from './words';

/** What is asked, of whom. */
export interface Question {
  sql: string;
  target: Target;
}

/** Everything about running and launching. `question` is what the editor holds. */
export function useSubmit(question: Question) {
  const user = useUser().id;
  const isAdmin = useIsAdmin();
  const { launch: wanted } = useSearch({ from: '/queries' });
  const navigate = useNavigate({ from: '/queries' });
  const settings = useQuery(settingsQuery);
  const [options, setOptions] = useState<LaunchOptions>(USUAL_OPTIONS);
  const live = useRunLive(({ id }, asked) => {
    note(asked, 'live');
    void navigate({ resetScroll: false, search: (now) => ({ ...now, live: id }) });
  });
  const launch = useLaunch((asked) => note(asked, 'campaign'));

  const isOff = settings.data?.offline_campaigns_enabled === false;
  const tickBarred = !isAdmin ? RUN_ADMIN_ONLY : isOff ? ENABLE_CAMPAIGNS : undefined;
  const isCampaign = wanted === true && !tickBarred;
  const used = isCampaign ? launch : live;
  const refusal = refusalOf(used.error ? asProblem(used.error) : undefined);
  const barred = !isAdmin
    ? RUN_ADMIN_ONLY
    : question.sql.trim() === ''
      ? 'Write a query first.'
      : (missing(question.target) ?? (isCampaign ? windowProblem(options) : undefined));

  function note({ sql, target }: Partial<LaunchRequest>, kind: 'live' | 'campaign') {
    if (!sql || !target) return;
    remember(user, { sql, target, kind, at: Date.now() });
  }

  return {
    isCampaign,
    tickBarred,
    /** The address asks for a campaign, and campaigns are off. */
    isTickLost: wanted === true && isAdmin && isOff,
    options,
    barred,
    isPending: live.isPending || launch.isPending,
    /** What was refused, by control; what can be told before asking is in it, too. */
    refusal: {
      ...refusal,
      target:
        isCampaign && question.target.type === 'os_in' && !missing(question.target)
          ? OS_FILTER_SENTENCE
          : refusal.target,
    },
    setOptions: (next: LaunchOptions) => {
      launch.reset();
      setOptions(next);
    },
    setCampaign: (on: boolean) => {
      forget();
      void navigate({
        resetScroll: false,
        search: (now) => ({ ...now, launch: on || undefined }),
        replace: true,
      });
    },
    /** Runs or launches what the editor holds. */
    submit: () => {
      if (barred || live.isPending || launch.isPending) return;
      if (isCampaign) launch.mutate(launchRequest(question.sql, question.target, options));
      else live.mutate(question);
    },
    /** Runs something live, whatever the tick says. */
    runLive: (asked: Question) => {
      if (isAdmin && !missing(asked.target) && !live.isPending) live.mutate(asked);
    },
    /** Puts it into the history. */
    note,
    /** Takes refusals off, because what they were about has changed. */
    forget,
  };

  function forget() {
    // What is under way keeps its say.
    if (!live.isPending) live.reset();
    if (!launch.isPending) launch.reset();
  }
}
