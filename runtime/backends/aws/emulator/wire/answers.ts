/** Answers in each protocol, as the pinned SDKs read them. */
import { uuid } from '../ids.ts';
import type { ServiceError } from '../service-error.ts';
import { escapeXml, toXml } from './xml.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** How a service writes what it answers. */
export interface AnswerFormat {
  output(operation: string, output: object): Answer;
  error(error: ServiceError): Answer;
}

const JSON_TYPE = 'application/x-amz-json-1.1';
const XML_TYPE = 'text/xml;charset=UTF-8';

/** awsJson1_1. */
export const jsonFormat: AnswerFormat = {
  output: (_operation, output) => ({
    status: 200,
    headers: { 'content-type': JSON_TYPE, 'x-amzn-requestid': uuid() },
    body: JSON.stringify(output),
  }),
  error: ({ code, message, status, data }) => ({
    status,
    headers: { 'content-type': JSON_TYPE, 'x-amzn-requestid': uuid() },
    body: JSON.stringify({ __type: code, message, ...data }),
  }),
};

/** The Query protocol of Auto Scaling. */
export const queryFormat: AnswerFormat = {
  output: (operation, output) => {
    const result = toXml(`${operation}Result`, output, 'member');
    const metadata = `<ResponseMetadata><RequestId>${uuid()}</RequestId></ResponseMetadata>`;
    const space = 'http://autoscaling.amazonaws.com/doc/2011-01-01/';
    return xml(
      `<${operation}Response xmlns="${space}">${result}${metadata}</${operation}Response>`,
    );
  },
  error: ({ code, message, status }) =>
    xml(
      `<ErrorResponse><Error><Type>${status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error><RequestId>${uuid()}</RequestId></ErrorResponse>`,
      status,
    ),
};

/** The Query protocol of EC2. */
export const ec2Format: AnswerFormat = {
  output: (operation, output) => {
    const members = Object.entries(output)
      .map(([name, value]) => toXml(name, value, 'item'))
      .join('');
    const space = 'http://ec2.amazonaws.com/doc/2016-11-15/';
    return xml(
      `<${operation}Response xmlns="${space}"><requestId>${uuid()}</requestId>${members}</${operation}Response>`,
    );
  },
  error: ({ code, message, status }) =>
    xml(
      `<Response><Errors><Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error></Errors><RequestID>${uuid()}</RequestID></Response>`,
      status,
    ),
};

function xml(text: string, status = 200): Answer {
  return {
    status,
    headers: { 'content-type': XML_TYPE },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${text}`,
  };
}
