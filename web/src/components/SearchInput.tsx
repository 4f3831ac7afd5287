// SPDX-License-Identifier: Apache-2.0
// A field that searches a list while one types, and follows the address when that changes.

import { CloseButton, TextInput, type TextInputProps } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';

/** A pause in typing after which the list is searched. */
const PAUSE_MS = 250;

/** What the field takes besides what a text field takes. */
export interface SearchInputProps extends Omit<TextInputProps, 'value' | 'onChange' | 'label'> {
  /** Its name. */
  label: string;
  /** What is searched for now. */
  value: string;
  onSearch: (text: string) => void;
  /** Whether `/` goes here: for one field of a page. */
  isPageSearch?: boolean;
}

/** Tells `onSearch` when typing pauses. */
export function SearchInput({ label, value, onSearch, isPageSearch, ...props }: SearchInputProps) {
  const [text, setText] = useState(value);
  const told = useRef(value);
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  const tell = (next: string) => {
    told.current = next.trim();
    onSearch(next.trim());
  };
  const tellLater = useDebouncedCallback(tell, PAUSE_MS);
  const change = (next: string) => {
    setText(next);
    tellLater(next);
  };
  return (
    <TextInput
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={
        text !== '' && <CloseButton size="sm" aria-label="Clear" onClick={() => change('')} />
      }
      data-search={isPageSearch ? '' : undefined}
      {...props}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
