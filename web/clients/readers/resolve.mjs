// The modules of pgn-viewer import each other without ".js", as bundlers allow. Node needs it.
export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (!specifier.startsWith('.')) throw error;
    return next(specifier + '.js', context);
  }
}
