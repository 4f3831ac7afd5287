// SPDX-License-Identifier: Apache-2.0
// How the answers came in over time: the curve, and the same in words. The part that draws is
// loaded when a curve is shown first.

import { Box, Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import type { Campaign } from '@/api/schema';
import { Failure } from '@/components/states';
import { CURVE_PX } from './curve';
import { completionQuery } from './data';
import { milestones } from './words';

const CurveChart = lazy(() => import('./CurveChart'));

/** The figure. */
export function CompletionCurve({ campaign }: { campaign: Campaign }) {
  const completion = useQuery(completionQuery(campaign.id));
  if (completion.error && !completion.data) {
    return <Failure error={completion.error} retry={() => void completion.refetch()} />;
  }
  const blank = <Skeleton height={CURVE_PX} />;
  const words = completion.data ? milestones(completion.data) : '';
  return (
    <Box component="figure" m={0} miw={0}>
      <Box h={CURVE_PX} role="img" aria-label={`Hosts that had answered, over time. ${words}`}>
        {completion.data ? (
          <Suspense fallback={blank}>
            <CurveChart completion={completion.data} isLive={campaign.live} />
          </Suspense>
        ) : (
          blank
        )}
      </Box>
      <Text component="figcaption" size="sm" c="dimmed" mt={4}>
        Shaded: the live window. Dashed: all hosts. Times are UTC.
        {/* Room for two lines from the start: the words grow while hosts answer. */}
        <Text span inherit display="block" mih="3em">
          {words}
        </Text>
      </Text>
    </Box>
  );
}
