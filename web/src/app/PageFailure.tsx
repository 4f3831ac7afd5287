// SPDX-License-Identifier: Apache-2.0
// A page that broke: the rest of the console stays usable, and the page can be tried again.

import { useQueryErrorResetBoundary } from '@tanstack/react-query';
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router';
import { Page } from '@/components/Page';
import { Failure } from '@/components/states';

/** Shows what broke. */
export function PageFailure({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const boundary = useQueryErrorResetBoundary();
  const retry = () => {
    boundary.reset();
    reset();
    void router.invalidate();
  };
  return (
    <Page title="Something broke">
      <Failure error={error} retry={retry} />
    </Page>
  );
}
