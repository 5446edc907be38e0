/** What an account adds to its SCIM schemas, as the platform API has it. Members that no form shows are sent back as they came. */

export interface Attribute {
  name: string;
  type: string;
  multiValued?: boolean;
  required?: boolean;
  mutability?: string;
  returned?: string;
  uniqueness?: string;
  indexed?: boolean;
  caseExact?: boolean;
  description?: string;
  subAttributes?: Attribute[];
  [more: string]: unknown;
}

interface SchemaPart {
  id: string;
  name: string;
  description?: string;
  attributes: Attribute[];
}

interface Kept {
  createdAt?: number;
  lastModifiedAt?: number;
  indexing?: string[];
}

export interface Extension extends SchemaPart, Kept {
  appliesTo: string;
  required?: boolean;
}

export interface OwnType extends Kept {
  name: string;
  endpoint: string;
  description?: string;
  schema: SchemaPart;
  schemaExtensions?: (SchemaPart & { required?: boolean })[];
}

export const EXTENSIONS = '/ng/api/scim-schemas';
export const OWN_TYPES = '/ng/api/scim-resource-types';

export const TYPES = ['string', 'boolean', 'decimal', 'integer', 'dateTime', 'binary', 'reference', 'complex'];
export const MUTABILITIES = ['readWrite', 'readOnly', 'immutable'];
export const RETURNED = ['default', 'always', 'request'];
export const UNIQUENESS = ['none', 'server'];

export const NEW_ATTRIBUTE: Attribute = {
  name: '',
  type: 'string',
  multiValued: false,
  required: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  indexed: false,
};

export const NEW_EXTENSION: Extension = { id: '', name: '', appliesTo: 'User', required: false, attributes: [NEW_ATTRIBUTE] };

export const NEW_TYPE: OwnType = { name: '', endpoint: '', schema: { id: '', name: '', attributes: [NEW_ATTRIBUTE] }, schemaExtensions: [] };

/** Only texts and references have an index. */
export function indexable(type: string): boolean {
  return type === 'string' || type === 'reference';
}
