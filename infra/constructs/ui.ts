/**
 * What may connect to the flow.
 *
 * U1 Nothing without being asked for: tunnels need no way in from the network.
 * U2 The token never crosses the internet unencrypted by default: plain HTTP only from addresses that were named, and never from
 *    everywhere; a load balancer only with a certificate, for a name of yours: nobody gets one for the load balancer's own.
 */
import {
  aws_certificatemanager as acm,
  aws_ec2 as ec2,
  aws_elasticloadbalancingv2 as elb,
  aws_route53 as route53,
  aws_route53_targets as targets,
  CfnOutput,
  Duration,
  Validations,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { BALANCER_IDLE_SECONDS, CONTAINER_PORT } from '../../runtime/backends/aws/contract.ts';
import { appError } from '../../runtime/errors/index.ts';
import type { StormkiteAppProps, UiKind } from '../stormkite-app-props.ts';
import { isCidr, isIpv6, isWorld } from './cidr.ts';
import type { Network } from './network.ts';

const EVERYWHERE = ['0.0.0.0/0'];
/** The old task ends before the new one starts, so its connections need not be waited for. */
const DEREGISTRATION_SECONDS = 5;

export type WayIn = Pick<
  StormkiteAppProps,
  'allowedCidrs' | 'domainName' | 'hostedZone' | 'certificate' | 'oidc'
>;

/** Ranges that may connect; for nobody, none. @throws `INFRA_PROP_INVALID`, `INFRA_UI_INCOMPLETE`, `INFRA_UI_OPEN` */
export function resolveCidrs(kind: UiKind, { allowedCidrs = [], oidc }: WayIn): readonly string[] {
  const wrong = allowedCidrs.find((cidr) => !isCidr(cidr));
  if (wrong !== undefined) {
    throw appError('INFRA_PROP_INVALID', {
      prop: 'allowedCidrs',
      value: JSON.stringify(wrong),
      allowed: 'ranges such as 203.0.113.0/24',
    });
  }
  if (kind === 'tunnel' || kind === 'none') return [];
  if (kind === 'alb' && allowedCidrs.length === 0 && oidc !== undefined) return EVERYWHERE;
  if (allowedCidrs.length === 0)
    throw appError('INFRA_UI_INCOMPLETE', {
      ui: kind,
      missing: kind === 'alb' ? 'allowedCidrs or oidc' : 'allowedCidrs',
    });
  const world = allowedCidrs.find(isWorld);
  if (kind === 'direct' && world !== undefined)
    throw appError('INFRA_UI_OPEN', { ui: kind, cidr: world });
  return allowedCidrs;
}

/** Lets ranges connect to a port. */
export function admit(group: ec2.SecurityGroup, cidrs: readonly string[], port: number): void {
  for (const cidr of cidrs) {
    const peer = isIpv6(cidr) ? ec2.Peer.ipv6(cidr) : ec2.Peer.ipv4(cidr);
    group.addIngressRule(peer, ec2.Port.tcp(port), 'allowedCidrs');
  }
}

export interface LoadBalancerProps extends WayIn {
  readonly network: Network;
  readonly cidrs: readonly string[];
  readonly healthPath: string;
}

/** HTTPS in front of the flow. */
export class LoadBalancer extends Construct {
  readonly loadBalancer: elb.ApplicationLoadBalancer;
  readonly targetGroup: elb.ApplicationTargetGroup;
  /** Name that browsers use. */
  readonly host: string;

  /** @throws `INFRA_UI_INCOMPLETE` */
  constructor(scope: Construct, id: string, props: LoadBalancerProps) {
    super(scope, id);
    const { network, cidrs, healthPath, domainName, hostedZone } = props;
    if (domainName === undefined)
      throw appError('INFRA_UI_INCOMPLETE', { ui: 'alb', missing: 'domainName' });
    const certificate = this.#certificate(domainName, props);
    const securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc: network.vpc,
      description: 'Load balancer of a Stormkite flow',
    });
    admit(securityGroup, cidrs, 443);
    this.loadBalancer = new elb.ApplicationLoadBalancer(this, 'Balancer', {
      vpc: network.vpc,
      vpcSubnets: { subnets: network.subnets.subnets },
      internetFacing: network.isPublic,
      securityGroup,
      dropInvalidHeaderFields: true,
      idleTimeout: Duration.seconds(BALANCER_IDLE_SECONDS),
    });
    network.flowSecurityGroup.addIngressRule(
      securityGroup,
      ec2.Port.tcp(CONTAINER_PORT),
      'The load balancer',
    );
    this.targetGroup = new elb.ApplicationTargetGroup(this, 'Target', {
      vpc: network.vpc,
      port: CONTAINER_PORT,
      protocol: elb.ApplicationProtocol.HTTP,
      targetType: elb.TargetType.IP,
      deregistrationDelay: Duration.seconds(DEREGISTRATION_SECONDS),
      healthCheck: { path: healthPath, interval: Duration.seconds(15) },
    });
    this.loadBalancer.addListener('Https', {
      port: 443,
      protocol: elb.ApplicationProtocol.HTTPS,
      sslPolicy: elb.SslPolicy.TLS13_RES,
      certificates: [certificate],
      // Its own rule would open the port to everybody.
      open: false,
      defaultAction: this.#action(props),
    });
    if (hostedZone === undefined) {
      new CfnOutput(this, 'RecordTarget', {
        description: `What the DNS record of ${domainName} must point to`,
        value: this.loadBalancer.loadBalancerDnsName,
      });
    } else {
      new route53.ARecord(this, 'Record', {
        zone: hostedZone,
        recordName: domainName,
        target: route53.RecordTarget.fromAlias(new targets.LoadBalancerTarget(this.loadBalancer)),
      });
    }
    this.host = domainName;
    this.#acknowledge(securityGroup);
  }

  #certificate(
    domainName: string,
    { certificate, hostedZone }: LoadBalancerProps,
  ): acm.ICertificate {
    if (certificate !== undefined) return certificate;
    if (hostedZone === undefined) {
      const missing = `a certificate for ${domainName}, or its hostedZone`;
      throw appError('INFRA_UI_INCOMPLETE', { ui: 'alb', missing });
    }
    const validation = acm.CertificateValidation.fromDns(hostedZone);
    return new acm.Certificate(this, 'Certificate', { domainName, validation });
  }

  #action({ oidc }: LoadBalancerProps): elb.ListenerAction {
    const forward = elb.ListenerAction.forward([this.targetGroup]);
    if (oidc === undefined) return forward;
    return elb.ListenerAction.authenticateOidc({ ...oidc, next: forward });
  }

  #acknowledge(securityGroup: ec2.SecurityGroup): void {
    Validations.of(this.loadBalancer).acknowledge({
      id: 'AwsSolutions-ELB2',
      reason:
        'Access logs need a bucket with a policy of the account: add them with app.loadBalancer.logAccessLogs',
    });
    Validations.of(securityGroup).acknowledge({
      id: 'AwsSolutions-EC23',
      reason:
        'Open to all only with sign-in, or where allowedCidrs says so; HTTPS and the token stay',
    });
  }
}
