/** The part of Swagger UI that is used; the package comes without types. */
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  interface Options {
    domNode: HTMLElement;
    spec: unknown;
    docExpansion: 'none' | 'list' | 'full';
    defaultModelsExpandDepth: number;
    deepLinking: boolean;
    filter: boolean;
    displayRequestDuration: boolean;
    persistAuthorization: boolean;
    validatorUrl: null;
    onComplete: () => void;
  }
  export default function SwaggerUI(options: Options): unknown;
}
