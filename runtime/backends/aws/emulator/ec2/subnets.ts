export interface Subnet {
  readonly id: string;
  readonly vpcId: string;
  /** Availability zone, as `us-east-1a`. */
  readonly zone: string;
  /** The same for all accounts, as `use1-az1`. */
  readonly zoneId: string;
  readonly cidr: string;
}

/** Zones that have a subnet. */
const ZONES = ['a', 'b'];

/** The subnets of the one network that the emulator has. */
export function subnetsOf(region: string): readonly Subnet[] {
  return ZONES.map((letter, index) => ({
    id: `subnet-0000000000000000${letter}`,
    vpcId: 'vpc-00000000000000000',
    zone: `${region}${letter}`,
    zoneId: `${zonePrefixOf(region)}-az${index + 1}`,
    cidr: `10.0.${index}.0/24`,
  }));
}

/** `us-east-1` is `use1`. */
function zonePrefixOf(region: string): string {
  const [area = '', place = '', number = ''] = region.split('-');
  return `${area}${place.charAt(0)}${number}`;
}
