/**
 * For browsers that do not run the page's modules: it shows what they would see with scripts turned off, instead of
 * buttons that do nothing. A classic script in the language of 2009, which nothing compiles.
 */
export const OLD_BROWSER = `addEventListener('load', function () {
  if (document.documentElement.getAttribute('data-scripts') === 'run') return
  var style = document.querySelector('link[rel="stylesheet"]')
  var link = document.createElement('link')
  link.rel = 'stylesheet'
  link.href = style.href.replace(/[^/]*$/, 'no-script.css')
  document.head.appendChild(link)
})
`
