import { useBranding } from '../../api/session.ts';
import { CopyTextButton } from '../../ui/copy.tsx';
import { Section } from '../../ui/page.tsx';

/** Where requests come from, for those who let in only known addresses; nothing where the operator has not said. */
export function EgressAddresses() {
  const { egress_addresses: addresses } = useBranding();
  if (addresses.length === 0) return null;
  return (
    <Section
      title="Our addresses"
      about="Requests come from these. If your firewall lets in only known addresses, let these in; the signature is still what proves a request."
      actions={<CopyTextButton text={addresses.join('\n')}>Copy all</CopyTextButton>}
    >
      <ul className="flex flex-wrap gap-2">
        {addresses.map((address) => (
          <li key={address} className="rounded-md bg-none-soft px-2 py-0.5 font-mono text-xs">
            {address}
          </li>
        ))}
      </ul>
    </Section>
  );
}
