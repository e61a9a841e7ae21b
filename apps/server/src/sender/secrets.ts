/** The receiver kit's rules of signing secrets, for those who save them: what signs here is what receivers verify with. */
export { checkSecret, generateSecret, standardSecret } from '@posthorn/receiver';
