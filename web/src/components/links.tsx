// SPDX-License-Identifier: Apache-2.0
// Links of the component library that lead to addresses of the console, checked by the router's
// types: a door to a page that is not there does not compile.

import { Anchor, type AnchorProps, Button, type ButtonProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import type { AnchorHTMLAttributes } from 'react';

type Own<Props> = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof Props> & Props;

function PlainAnchor(props: Own<AnchorProps>) {
  return <Anchor {...props} />;
}

function PlainButton(props: Own<ButtonProps>) {
  return <Button component="a" {...props} />;
}

/** A link in text. */
export const AnchorLink = createLink(PlainAnchor);

/** A link that looks like a button. */
export const ButtonLink = createLink(PlainButton);
