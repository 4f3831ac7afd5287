// SPDX-License-Identifier: Apache-2.0
// What a server refused of a form, unless it stands at one of the form's fields.

import { Alert } from '@mantine/core';
import { asProblem } from '@/api/problem';

/** `fields` are those that show their refusals themselves. */
export function FormProblem({ error, fields }: { error: unknown; fields: readonly string[] }) {
  if (!error) return null;
  const problem = asProblem(error);
  const atFields = problem.errors.length > 0;
  const others = problem.errors.filter(({ field }) => !fields.includes(field));
  if (atFields && others.length === 0) return null;
  return (
    <Alert color="red" role="alert" title="This was refused">
      {atFields ? others.map(({ message }) => message).join(' ') : problem.detail}
    </Alert>
  );
}
