// SPDX-License-Identifier: Apache-2.0
// The rest of a list that is read in pieces.

import { Button, Center } from '@mantine/core';

/** The members of an infinite query that this needs. */
interface Pieces {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
}

/** Nothing once all is there. */
export function MoreButton({ query }: { query: Pieces }) {
  if (!query.hasNextPage) return null;
  return (
    <Center>
      <Button
        variant="default"
        loading={query.isFetchingNextPage}
        onClick={() => void query.fetchNextPage()}
      >
        Show more
      </Button>
    </Center>
  );
}
